"""What `receiver.toml` may say about operators and subscriptions, and what it is told otherwise."""

from pathlib import Path

import pytest

from receiver.config.problems import problems
from receiver.config.settings import Settings, SettingsError, load
from receiver.outbound.operator_credentials import NotConfigured, credentials

GOOD = """\
public_url = "https://hooks.example.com"

[[listener]]
name = "fleet"

[[operator]]
name = "nokia"
reachability = "https://api.example.com/device-reachability-status-subscriptions/v0.8"
auth = { kind = "headers", headers_env = { x-rapidapi-key = "NAC_KEY" } }
max_days = 30

[[subscription]]
name = "fleet"
operator = "nokia"
listener = "fleet"
types = ["reachability-data", "reachability-disconnected"]
devices_file = "fleet.txt"
days = 30
"""


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "receiver.toml"
    file.write_text(text)
    return load({"RECEIVER_CONFIG": str(file)} | environ)


def test_operators_and_subscriptions_are_read(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD, NAC_KEY="k")
    [operator], [fleet] = settings.operators, settings.subscriptions
    assert (settings.public_url, operator.rate) == ("https://hooks.example.com", 5)
    assert fleet.devices_file == str(tmp_path / "fleet.txt")
    assert settings.operator_variables == {"NAC_KEY": "k"}
    assert "k'" not in repr(settings)


def test_a_secret_that_is_not_set_is_named_and_no_problem_of_the_worker(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert problems(settings) == []
    said = "^operator 'nokia': the environment variable NAC_KEY is not set$"
    with pytest.raises(NotConfigured, match=said):
        credentials(settings.operators[0], settings.operator_variables)


OAUTH = 'auth = { kind = "client_credentials", token_url = "https://t.example.com", '


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("https://hooks", "http://hooks", "line 1: public_url: https is wanted"),
        ('example.com"\n', 'example.com/?a"\n', "line 1: public_url: a URL without"),
        ("https://api", "http://api", "line 8: operator 'nokia', reachability: https is wanted"),
        ("https://api", "https://u:pw@api", "line 8: .* without user and password"),
        ('name = "nokia"', 'name = "No Kia"', "line 7: operator 1, name: 1 to 32 of a-z"),
        ("reachability =", "status =", "line 16: .* no reachability = URL"),
        ("reachability = ", "# ", "line 6: operator 'nokia', reachability: add the base URL"),
        ('"NAC_KEY"', '"not a name"', "line 9: .*auth: the name of an environment variable"),
        ('kind = "headers"', 'kind = "digest"', "line 9: operator 1, auth.kind: headers or"),
        ("max_days = 30", "max_days = 7", "line 18: .*days: operator 'nokia' gives at most"),
        ("max_days = 30", "speed = 5", "line 10: operator 1, speed: there is no such key"),
        ('operator = "nokia"', 'operator = "att"', r"line 14: .*there is no \[\[operator\]\]"),
        ('listener = "fleet"', 'listener = "flet"', r"line 15: .*there is no \[\[listener\]\]"),
        ('"reachability-data"', '"reachability"', "line 16: .*types: 'reachability' is none of"),
        ('"reachability-data"', '"roaming-on"', "line 16: .*has no roaming = URL"),
        ('"reachability-data"', '"reachability-disconnected"', "line 16: .*is there twice"),
        ("types =", "types = [] #", "line 16: .*types: at least one"),
        ("devices_file", "# devices_file", "line 12: .*devices_file or devices is wanted"),
        ("devices_file", 'devices = ["+1"]\ndevices_file', "line 18: .*one of the two"),
        ("days = 30\n", "days = 0\n", "line 10: operator 1, max_days: Expected .* > 0"),
        ('public_url = "https://hooks.example.com"', "", "line 12: add public_url"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_in_a_sentence_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError, match=said) as refused:
        read(tmp_path, GOOD.replace(old, new, 1), NAC_KEY="k")
    assert "\n" not in str(refused.value)
    assert "pw" not in str(refused.value)


@pytest.mark.parametrize("table", ["operator", "subscription"])
def test_a_name_that_is_there_twice_is_refused(tmp_path: Path, table: str) -> None:
    head = GOOD.index(f"[[{table}]]")
    twice = GOOD + "\n" + GOOD[head:].partition("\n\n")[0] + "\n"
    with pytest.raises(SettingsError, match=f"another {table} has it: take another"):
        read(tmp_path, twice, NAC_KEY="k")


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        (OAUTH + 'client_id = "c" }', "secret_env is missing"),
        (OAUTH + 'client_id = "", secret_env = "S" }', "client_id: it is empty"),
        (OAUTH + 'client_id = "c", method = "private_key_jwt" }', "key_env is missing"),
        (OAUTH + 'client_id = "c", method = "mtls" }', "auth"),
        (OAUTH.replace("https", "http") + 'client_id = "c", secret_env = "S" }', "token_url"),
    ],
)
def test_client_credentials_that_could_get_no_token_are_refused(
    tmp_path: Path, auth: str, said: str
) -> None:
    old = 'auth = { kind = "headers", headers_env = { x-rapidapi-key = "NAC_KEY" } }'
    with pytest.raises(SettingsError, match=f"line 9: operator .*{said}"):
        read(tmp_path, GOOD.replace(old, auth))
