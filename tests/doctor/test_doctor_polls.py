"""`receiver doctor` on what is polled."""

import os
import tempfile
from pathlib import Path

from receiver.contract.redis_keys import poll_state
from receiver.doctor.polls import of_pages, of_state, where_pages_lie
from receiver.metrics import snapshot
from tests.support.examined import GOOD, MEMORY, examined, grave
from tests.support.polling import Polled, configured
from tests.support.valkey import Valkey


def test_what_is_wrong_with_polls_is_found(valkey: Valkey, tmp_path: Path) -> None:
    one = configured("https://gateway.example.com", "every = 60")
    polled = Polled(valkey, tmp_path, one + one.replace('"promo"', '"again"'))
    (tmp_path / "pages").mkdir()
    old = tmp_path / "pages" / f"promo-{0:027}.page"
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    (tmp_path / "pages" / f"promo-{1:027}.damaged").write_bytes(b"")
    environ = {name: value for name, value in polled.environ.items() if name != "ATT_APP_SECRET"}
    del environ["REDIS_URL"]
    found = examined(tmp_path, valkey.url, status=1, token=GOOD, **environ)
    assert grave(found, "the polls promo and again read one registration") == "serious"
    assert grave(found, "the poll promo asks every 60 s") == "note"
    assert grave(found, "1 answers to the poll promo have waited on the disk") == "serious"
    assert grave(found, "1 page files in") == "serious"
    assert grave(found, "no `receiver poll` looks after the poll promo") == "serious"
    assert grave(found, "poll 'promo': the environment variable ATT_APP_SECRET") == "serious"


def test_a_poll_in_trouble_and_one_that_lost_answers_are_found(
    valkey: Valkey, tmp_path: Path
) -> None:
    polled = Polled(valkey, tmp_path, configured("https://gateway.example.com"))
    now = polled.redis.time()[0]
    state = {"seen": now, "trouble": "the gateway answered 403", "polls:cut": 2, "polls:at_risk": 1}
    polled.redis.hset(poll_state("promo"), mapping=state)
    found = snapshot.read(polled.redis, ["promo"])
    said = list(of_state(polled.settings, found.polls, now))
    assert [(one.severity, one.what) for one in said] == [
        ("warning", "the poll promo is in trouble: the gateway answered 403"),
        ("note", "the poll promo has had 3 answers that did not come, or not wholly"),
    ]
    assert "--once" not in said[0].fix  # `receiver poll` runs, and would have it skipped
    polled.redis.hdel(poll_state("promo"), "trouble", "polls:cut", "polls:at_risk")
    found = snapshot.read(polled.redis, ["promo"])
    assert [*of_state(polled.settings, found.polls, now), *of_pages(polled.settings)] == []


def test_what_is_lost_meanwhile_is_said_of_the_kinds_that_lose_something(
    valkey: Valkey, tmp_path: Path
) -> None:
    gateway = "https://gateway.example.com"
    statuses = configured(gateway, kind="att-status").replace('"promo"', '"sent"')
    mailbox = configured(
        gateway, 'mailbox = "+1"\nredirect_uri = "https://a.example.com"', kind="att-messages"
    )
    toml = configured(gateway) + statuses + mailbox.replace('"promo"', '"alice"')
    polled = Polled(valkey, tmp_path, toml)
    now = polled.redis.time()[0]
    polled.redis.hset(poll_state("alice"), mapping={"seen": now, "trouble": "503"})
    found = snapshot.read(polled.redis, ["promo", "sent", "alice"])
    assert [one.why for one in of_state(polled.settings, found.polls, now)] == [
        "a gateway drops what nobody has fetched for 30 minutes",
        "a gateway forgets a status 30 minutes after it has become final",
        "what changes is not told until then",
    ]


def test_pages_on_a_memory_disk_are_found(valkey: Valkey) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        polled = Polled(valkey, Path(directory), configured("https://gateway.example.com"))
        (finding,) = where_pages_lie(polled.settings, [], 0)
        assert finding.severity == "serious"
        assert finding.what.endswith("lie on a file system that vanishes (tmpfs)")


def test_what_the_poll_has_elsewhere_is_not_missed_here(valkey: Valkey) -> None:
    """In a container of its own it has a disk and keys that `web`, where doctor runs, has not."""
    mailbox = configured(
        "https://gateway.example.com",
        'mailbox = "+1"\nredirect_uri = "https://a.example.com"',
        kind="att-messages",
    )
    toml = configured("https://gateway.example.com") + mailbox.replace('"promo"', '"alice"')
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        polled = Polled(valkey, Path(directory), toml)
        web = {"RECEIVER_DATA_DIR": directory, "RECEIVER_CONFIG": polled.environ["RECEIVER_CONFIG"]}

        def missed() -> list[str]:
            found = examined(Path(directory), valkey.url, status=1, **web)
            begins = ("the pages of polls", "RECEIVER_SECRET_KEYS")
            return sorted(what[:18] for what in found if what.startswith(begins))

        assert missed() == ["RECEIVER_SECRET_KE", "the pages of polls"]
        seen = {"seen": polled.redis.time()[0]}
        for name in ("promo", "alice"):
            polled.redis.hset(poll_state(name), mapping=seen)
        assert missed() == []
        (Path(directory) / "pages").mkdir()
        assert missed() == ["the pages of polls"]


def test_a_poll_of_devices_has_no_pages(valkey: Valkey) -> None:
    devices = (
        '[[operator]]\nname = "nokia"\nstatus = "https://api.example.com/status/v1"\n'
        'auth = { kind = "headers", headers_env = { x-key = "KEY" } }\n'
        '[[poll]]\nname = "cars"\nkind = "camara-device"\noperator = "nokia"\n'
        'devices = ["+12065550100"]\n'
    )
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        polled = Polled(valkey, Path(directory), devices)
        assert list(where_pages_lie(polled.settings, [], 0)) == []


def test_a_poll_that_has_asked_for_nothing_yet_has_its_pages_where_it_runs(valkey: Valkey) -> None:
    toml = configured("http://127.0.0.1:9", kind="att-status")
    with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
        polled = Polled(valkey, Path(directory), toml)
        polled.until(lambda: "outcome" in polled.state())
        found = snapshot.read(polled.redis, ["promo"])
        (finding,) = where_pages_lie(polled.settings, found.polls, found.now)
        assert finding.what.endswith("lie on a file system that vanishes (tmpfs)")
