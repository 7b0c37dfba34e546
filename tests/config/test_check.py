"""`receiver config check` finds everything at once, where it stands, and shows no secret."""

import json
from pathlib import Path

import pytest

from receiver.config.check import check
from receiver.config.settings import SettingsError, load
from receiver.events import TYPES
from tests.support.commands import ROOT, run

FAULTY = """\
public_url = "http://hooks.example.com"
[[listener]]
name = "promo"
zon = "UTC"
[[listener]]
name = "Fleet"
zone = "Mars"

[[sink]]
name = "billing"
kind = "http"
url = "https://hooks.example.com/events"
timeout = 600
headers_env = { authorization = "BILLING_AUTH" }
types = [
  "sms.*",     # those are there
  "sms.mesage.received.v1",
]
listeners = ["pormo"]

[[sink]]
name = "billing"
kind = "rq"
qeue = "events"
function = "nodot"

[[sink]]
name = "third"
kind = "kafka"

[[subscription]]
name = "fleet"
operator = "nokia"
types = ["reachability"]
devices_file = "fleet.txt"

[handshke]
origins = ["*"]
"""


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    (tmp_path / "fleet.txt").write_text("+12065550100\n# a comment\nnobody\n\n4411\n")
    (tmp_path / "receiver.toml").write_text(FAULTY)
    return tmp_path / "receiver.toml"


def said(path: Path, **environ: str) -> list[str]:
    found = check({"RECEIVER_CONFIG": str(path), **environ})
    return [str(one).replace(str(path.parent) + "/", "") for one in found]


def test_every_fault_is_found_at_once_with_its_line_and_the_nearest_word(faulty: Path) -> None:
    found = said(faulty, PORT="http", RECEIVER_SPOOLDIR="/x", RECEIVER_DURABILITY="'strict'")
    wanted = [
        "RECEIVER_DURABILITY: the quotes",
        "PORT='http': a whole number",
        "RECEIVER_SPOOLDIR: nothing reads it; did you mean RECEIVER_SPOOL_DIR?",
        "receiver.toml: line 1: public_url: https is wanted",
        "receiver.toml: line 4: listener 1, zon: there is no such key, did you mean zone?",
        "receiver.toml: line 6: listener 'Fleet', name: 1 to 64",
        "receiver.toml: line 7: listener 'Fleet', zone: 'Mars' is not an IANA zone",
        "receiver.toml: line 13: sink 1, timeout: Expected `float` <= 60",
        "receiver.toml: line 14: sink 'billing', headers_env: the environment variable BILLING",
        "receiver.toml: line 17: sink 'billing', types: no event has a type like 'sms.mesage.",
        "receiver.toml: line 19: sink 'billing', listeners: there is no [[listener]] 'pormo', did",
        "receiver.toml: line 22: sink 'billing', name: another sink has it",
        "receiver.toml: line 24: sink 2, qeue: there is no such key, did you mean queue?",
        "receiver.toml: line 25: sink 2, function: a dotted name",
        "receiver.toml: line 29: sink 3, kind: redis-stream, rq or http is wanted",
        "receiver.toml: line 31: subscription 'fleet', listener: there is no [[listener]]",
        "receiver.toml: line 33: subscription 'fleet', operator: there is no [[operator]]",
        "receiver.toml: line 34: subscription 'fleet', types: 'reachability' is none of",
        "receiver.toml: line 37: handshke: there is no such key, did you mean handshake?",
        "fleet.txt: line 3: a phone number",
        "fleet.txt: line 5: a phone number",
    ]
    assert [one[: len(start)] for one, start in zip(found, wanted, strict=True)] == wanted


def test_a_file_of_devices_that_is_not_there_is_a_fault_of_the_line_that_names_it(
    faulty: Path,
) -> None:
    (faulty.parent / "fleet.txt").unlink()
    wanted = "receiver.toml: line 35: subscription 'fleet', devices_file: fleet.txt: No such file"
    [found] = [one for one in said(faulty) if "fleet.txt" in one]
    assert found == f"{wanted} or directory"


def test_a_variable_with_our_prefix_too_many_is_said_to_be_the_one_without(tmp_path: Path) -> None:
    found = said(tmp_path / "", RECEIVER_CONFIG="", RECEIVER_REDIS_URL="redis://localhost")
    assert found == ["RECEIVER_REDIS_URL: nothing reads it; did you mean REDIS_URL?"]


def test_a_start_says_one_of_them_and_how_many_more_there_are(faulty: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load({"RECEIVER_CONFIG": str(faulty), "PORT": "http"})
    assert str(refused.value).startswith("PORT='http': ")
    assert str(refused.value).endswith(" (13 more: receiver config check)")
    faulty.write_text("[[listener]]\nname = 'Promo'\n")
    with pytest.raises(SettingsError, match=r"line 2: listener 'Promo', name: .* are wanted$"):
        load({"RECEIVER_CONFIG": str(faulty)})


def test_the_files_that_we_ship_are_well() -> None:
    for name in ("deploy/receiver.toml", "deploy/kubernetes/base/receiver.toml"):
        assert said(ROOT / name) == []


@pytest.mark.parametrize(
    ("text", "line"), [("a = 1\nb =\n", 2), ("a = 1\n\n[[sink]\n", 3), ("a = 1\nb = [1,\n\n", 2)]
)
def test_what_is_no_toml_is_said_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "receiver.toml").write_text(text)
    [found] = check({"RECEIVER_CONFIG": str(tmp_path / "receiver.toml")})
    assert (found.line, "(at" in found.said) == (line, False)


@pytest.mark.parametrize("path", ["/camara/notifications", "/x/camara/notifications/fleet"])
def test_a_public_url_with_a_path_of_ours_is_a_fault(tmp_path: Path, path: str) -> None:
    """Operators would be told that path twice, and each of their events answered 404."""
    (tmp_path / "receiver.toml").write_text(f'public_url = "https://hooks.example.com{path}"\n')
    [found] = said(tmp_path / "receiver.toml")
    assert found.startswith("receiver.toml: line 1: public_url: /camara/notifications")
    (tmp_path / "receiver.toml").write_text('public_url = "https://hooks.example.com/x"\n')
    assert said(tmp_path / "receiver.toml") == []


def test_the_file_that_is_not_there_is_a_fault_where_it_is_named(tmp_path: Path) -> None:
    assert said(tmp_path / "no.toml") == [
        f"RECEIVER_CONFIG='{tmp_path}/no.toml': No such file or directory; "
        "a file that can be read is wanted".replace(f"{tmp_path}/", "")
    ]


@pytest.mark.parametrize("secret", ["whsec_MTIzNDU2Nzg5MDEyMzQ1Ng==", "s3cr3t", "Bearer s3cr3t"])
def test_a_secret_that_stands_where_its_name_is_wanted_is_not_shown(
    tmp_path: Path, secret: str
) -> None:
    file = tmp_path / "receiver.toml"
    file.write_text(
        '[[sink]]\nname = "a"\nkind = "http"\nurl = "https://h.example.com/"\n'
        f'headers_env = {{ authorization = "{secret}" }}\nsecrets_env = ["{secret}"]\n'
        '[[operator]]\nname = "o"\nstatus = "https://o.example.com/v1"\n'
        f'auth = {{ kind = "headers", headers_env = {{ x = "{secret}" }} }}\n'
        f'[[poll]]\nname = "p"\nkind = "att-inbox"\nbase_url = "https://{secret}@g.example.com"\n'
        f'client_id_env = "{secret}"\nclient_secret_env = "{secret}"\nregistration = "1"\n'
    )
    environ = {"RECEIVER_BEARER_TOKENS": f'"{secret}"', "REDIS_URL": f"http://{secret}@h"}
    found = said(file, **environ, RECEIVER_SECRET_KEYS=secret, RECEIVER_TOKENS=secret)
    assert len(found) > 6
    assert [one for one in found if "s3cr3t" in one or "whsec_M" in one] == []


def test_what_kubernetes_sets_beside_a_service_of_our_name_is_no_misspelling() -> None:
    services = {
        "RECEIVER_SERVICE_HOST": "10.0.0.1",
        "RECEIVER_SERVICE_PORT": "80",
        "RECEIVER_WEB_SERVICE_PORT_HTTP": "80",
        "RECEIVER_PORT": "tcp://10.0.0.1:80",
        "RECEIVER_PORT_80_TCP": "tcp://10.0.0.1:80",
        "RECEIVER_VALKEY_PORT_6379_TCP_ADDR": "10.0.0.1",
        "RECEIVER_SIGNING_SECRET_EXAMPLE_SMS": "x",
        "RECEIVER_TOKEN": "x",
    }
    assert check(services) == []


def test_the_command_prints_a_document_each_and_says_by_its_exit_code(
    faulty: Path,
) -> None:
    shown = run(faulty.parent, "config", "check")
    assert (shown.returncode, len(shown.stdout.splitlines())) == (1, 18)
    assert shown.stderr == "18 faults\n"
    documents = run(faulty.parent, "config", "check", "--json", "receiver.toml")
    assert documents.stdout == shown.stdout
    first = json.loads(documents.stdout.splitlines()[0])
    assert (documents.returncode, first["place"], first["line"]) == (1, "receiver.toml", 1)
    (faulty.parent / "good.toml").write_text('[[listener]]\nname = "promo"\n')
    good = run(faulty.parent, "config", "check", "good.toml")
    assert (good.returncode, good.stderr) == (0, "no faults in good.toml and the environment\n")


def test_the_types_are_those_that_events_have() -> None:
    page = (ROOT / "docs/consuming.md").read_text("utf-8")
    assert [name for name in TYPES if name.rsplit(".", 2)[0] not in page] == []


def test_a_variable_that_is_not_set_is_found_at_the_key_that_names_it(tmp_path: Path) -> None:
    """Not where another one begins with its name, or the URL has it."""
    path = tmp_path / "receiver.toml"
    path.write_text(
        '[[sink]]\nname = "shop"\nkind = "http"\nurl = "https://hooks.example.com/SHOP_TOKEN"\n'
        'headers_env = { authorization = "SHOP_TOKEN_2" }\nsecrets_env = ["SHOP_TOKEN"]\n'
    )
    [found] = said(path, SHOP_TOKEN_2="x")
    wanted = "receiver.toml: line 6: sink 'shop', secrets_env: the environment variable SHOP_TOKEN"
    assert found.startswith(wanted)
