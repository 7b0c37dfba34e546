"""What `receiver.toml` may say about sinks, and what it is told when it says something else."""

import hashlib
from pathlib import Path

import pytest

from receiver.config.problems import problems
from receiver.config.settings import HttpSink, Settings, SettingsError, load
from receiver.config.sinks import RqSink

GOOD = """\
[[listener]]
name = "promo"

[[sink]]
name = "billing"
kind = "http"
url = "https://hooks.example.com/events"
headers_env = { authorization = "BILLING_AUTH" }
secrets_env = ["BILLING_SECRET", "BILLING_NEXT"]
types = ["sms.*"]
[sink.where]
"data.status" = "failed"

[[sink]]
name = "jobs"
kind = "rq"
queue = "events"
function = "billing.jobs.on_event"
"""


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "receiver.toml"
    file.write_text(text)
    return load({"RECEIVER_CONFIG": str(file)} | environ)


def test_every_kind_is_read_with_its_filters(tmp_path: Path) -> None:
    web, jobs = read(tmp_path, GOOD).sinks
    assert isinstance(web, HttpSink)
    assert web.where == {"data.status": "failed"}
    assert web.give_up_hours == 72
    assert isinstance(jobs, RqSink)
    assert jobs.queue == "events"


def test_without_sinks_there_are_none(tmp_path: Path) -> None:
    assert read(tmp_path, '[[listener]]\nname = "promo"\n').sinks == ()


def test_a_variable_that_is_not_set_is_a_problem_of_the_worker_and_names_it(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD, BILLING_AUTH="Bearer x", BILLING_SECRET="whsec_AAAA")
    assert problems(settings) == [
        "sink 'billing': the environment variable BILLING_NEXT is not set: "
        "set it for `receiver worker`"
    ]


def test_a_secret_that_is_none_is_a_problem_and_is_not_shown(tmp_path: Path) -> None:
    values = {
        "BILLING_AUTH": "x\ny",
        "BILLING_SECRET": "not base64!",
        "BILLING_NEXT": "AAAAA",
    }
    found = problems(read(tmp_path, GOOD, **values))
    assert [line.partition("variable ")[2].partition(":")[0] for line in found] == [
        "BILLING_AUTH holds what no header can",
        "BILLING_NEXT is no secret",
        "BILLING_SECRET is no secret",
    ]
    assert "not base64!" not in "".join(found)


def test_values_of_secrets_are_not_in_what_settings_show(tmp_path: Path) -> None:
    assert "topsecret" not in repr(read(tmp_path, GOOD, BILLING_AUTH="topsecret"))


@pytest.mark.parametrize(
    ("good", "bad", "line", "says"),
    [
        ('queue = "events"', 'qeue = "events"', 17, "remove qeue"),
        ('queue = "events"\n', "", 14, "add queue"),
        ('name = "jobs"', 'name = "billing"', 15, "another sink has it"),
        ('name = "jobs"', 'name = "Jobs"', 15, "1 to 32 of a-z"),
        ('kind = "rq"', 'kind = "kafka"', 16, "redis-stream, rq or http"),
        ("https://hooks.example.com", "http://127.0.0.1:90", 7, 'add allow = ["127.0.0.1:90"]'),
        ("https://hooks.example.com", "http://[::1]:90", 7, 'add allow = ["[::1]:90"]'),
        ("https://hooks.example.com", "ftp://hooks.example.com", 7, "a URL such as"),
        ('"billing.jobs.on_event"', '"on_event"', 18, "a dotted name"),
        ('"BILLING_SECRET"', '"whsec_AAAA-BBBB"', 9, "never the value itself"),
        ('types = ["sms.*"]', "timeout = 600", 10, "<= 60"),
        ('types = ["sms.*"]', 'types = "sms.*"', 10, "Expected `array`"),
        ("[[listener]]", "[listener]", 1, "listener: there may be several: write [[listener]], in"),
        ("[[listener]]", "[[handshake]]", 1, "handshake: one table is wanted: write [handshake]"),
        ('[[sink]]\nname = "jobs"', '[[sinks]]\nname = "jobs"', 14, "did you mean sink?"),
        ('name = "jobs"', 'name = "jobs\\n"', 15, "1 to 32 of a-z"),
        ('queue = "events"', 'queue = "receiver-normalise"', 17, "are ours"),
        ("hooks.example.com/events", "h/\u00fc", 7, "a URL such as"),
        ("hooks.example.com/events", "user:password@h/", 7, "without user and password"),
        ("hooks.example.com", "\u00fc..example.com", 7, "a URL such as"),
        ("hooks.example.com/events", "h\\nx/", 7, "a URL such as"),
        ("{ authorization", '{ "two words"', 8, "names of headers"),
        ("{ authorization", "{ Content-Length", 8, "names of headers"),
        ('queue = "events"', 'queue = "q"\njob_timeout = 1000000000000', 18, "<= 1000000000"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_what_to_do(
    tmp_path: Path, good: str, bad: str, line: int, says: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, GOOD.replace(good, bad))
    assert f": line {line}: " in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


HOOK = '[[sink]]\nname = "hook"\nkind = "http"\nurl = "{url}"\n'


@pytest.mark.parametrize("host", ["127.0.0.1:90", "localhost", "LOCALHOST:90", "[::1]", "[::1]:90"])
def test_the_line_that_is_to_permit_a_private_address_permits_it(tmp_path: Path, host: str) -> None:
    text = HOOK.format(url=f"http://{host}/events")
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    advice = str(caught.value).partition(": add ")[2].partition(" to permit")[0]
    (sink,) = read(tmp_path, text + advice).sinks
    assert isinstance(sink, HttpSink)
    assert sink.allowed


EVENT = {
    "type": "sms.delivery.updated.v1",
    "source": "/att/sms/delivery-status/promo",
    "data": {"status": "failed", "final": True},
}


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ({}, True),
        ({"types": ("sms.*",)}, True),
        ({"types": ("device.*", "sms.delivery.*")}, True),
        ({"types": ("device.*",)}, False),
        ({"listeners": ("promo",)}, True),
        ({"listeners": ("pro",)}, False),
        ({"where": {"data.status": "failed", "data.final": True}}, True),
        ({"where": {"data.status": "failed", "data.final": False}}, False),
        ({"where": {"data.status.deeper": "failed"}}, False),
    ],
)
def test_a_sink_gets_what_all_of_its_filters_want(wanted: dict[str, object], goes: bool) -> None:
    sink = RqSink(name="s", queue="q", function="a.b", **wanted)  # type: ignore[arg-type]
    assert sink.wants(EVENT) is goes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[[listener]]\nname = "a"\n\n[[listener]]\nname = "a"\n',
            "line 5: listener 'a', name: another",
        ),
        (f"deep = {'[' * 5000}{']' * 5000}", "nested too deep"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read(tmp_path, text)


def test_a_token_is_the_bytes_that_are_set_utf_8_or_not() -> None:
    (digest,) = load({"RECEIVER_BEARER_TOKENS": "caf\udce9"}).bearer_digests
    assert digest == hashlib.sha256(b"caf\xe9").digest()


SINK = '[[sink]]\nname = "jobs"\nkind = "rq"\nqueue = "events"\nfunction = "jobs.on_event"\n'


@pytest.mark.parametrize(
    ("said", "environ", "policy"),
    [
        ("", {}, "hold"),
        ("", {"RECEIVER_PARK_DIR": "/parked"}, "park"),
        ('when_full = "hold"', {"RECEIVER_PARK_DIR": "/parked"}, "hold"),
        ('when_full = "shed"', {}, "shed"),
        ('when_full = "park"', {}, "park"),
    ],
)
def test_what_waits_is_parked_where_there_is_a_directory_unless_the_sink_says_otherwise(
    tmp_path: Path, said: str, environ: dict[str, str], policy: str
) -> None:
    settings = read(tmp_path, SINK + said, **environ)
    (sink,) = settings.sinks
    assert (settings.when_full(sink), sink.share) == (policy, 20)


def test_to_park_without_a_directory_is_a_problem_of_the_worker(tmp_path: Path) -> None:
    text = SINK + 'when_full = "park"'
    assert problems(read(tmp_path, text, RECEIVER_PARK_DIR="parked")) == []
    assert problems(read(tmp_path, text)) == [
        "sink 'jobs': when_full = \"park\" needs a directory: set RECEIVER_PARK_DIR"
    ]


@pytest.mark.parametrize("wrong", ["share = 0", "share = 51", 'when_full = "drop"'])
def test_a_share_is_a_percentage_and_a_policy_one_of_three(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"line 6.*{wrong.split()[0]}"):
        read(tmp_path, SINK + wrong)
