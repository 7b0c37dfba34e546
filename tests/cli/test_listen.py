"""`receiver listen`: real events, posted to a real web hook."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import click
import pytest

from receiver.cli.listen.options import Header, HookUrl
from receiver.cli.terminal.event_filter import EventFilter, Where
from receiver.contract.redis_keys import EVENTS
from receiver.events import parse, verify
from tests.forward.test_exchange_faults import secure
from tests.support import published
from tests.support.command_line import here
from tests.support.commands import free_port, on_a_terminal, run, running
from tests.support.consumer import Consumer, consuming
from tests.support.valkey import Valkey

SECRET = "whsec_" + "c2VjcmV0LW9mLWEtdGVzdC10aGF0LWlzLWxvbmc="


@pytest.fixture
def hook() -> Iterator[Consumer]:
    with consuming() as consumer:
        yield consumer


def publish(valkey: Valkey, *names: str) -> list[str]:
    """Our samples of these names; returns their ids."""
    ids = []
    for name in names:
        [event] = dict(published.samples())[name]
        valkey.client().xadd(EVENTS, {"event": json.dumps(event)})
        ids.append(event["id"])
    return ids


def said(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_event_is_posted_as_a_sink_posts_it_and_said_in_a_line(
    valkey: Valkey, tmp_path: Path, hook: Consumer
) -> None:
    statuses = iter((204, 500, 404))
    hook.behaviour = lambda _request, _handler: next(statuses)
    ids = publish(valkey, "mo", "delivery-status", "reachability")
    environ = {"REDIS_URL": valkey.url, "RECEIVER_LISTEN_SECRET": SECRET}
    command = ("listen", "--forward-to", hook.url, "--since", "1h", "-n", "3", "-H", "X-Env: dev")
    done = run(tmp_path, *command, **environ)
    assert done.returncode == 1
    for request, name in zip(hook.requests, ids, strict=True):
        assert verify(request.headers, request.body, SECRET) == name
        assert (parse(request.body).id, request.headers["x-env"]) == (name, "dev")
        assert request.event["sequence"]
        assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    lines = said(done.stdout)
    assert [line["id"] for line in lines] == ids
    assert [(line["status"], line.get("sink", "")) for line in lines] == [
        (204, ""),
        (500, "tries it again"),
        (404, "asks once more, then makes a dead letter of it"),
    ]
    assert all(line["milliseconds"] > 0 and line["listener"] == "promo" for line in lines)
    assert done.stderr.splitlines()[-1] == "receiver: 3 events: 1 204, 1 404, 1 500"
    assert SECRET not in done.stderr
    assert "key=1" not in done.stderr  # of the URL


def test_no_line_says_whom_or_what_it_is_about(valkey: Valkey, tmp_path: Path) -> None:
    [event] = dict(published.samples())["mo"]
    publish(valkey, "mo")
    command = ("listen", "--since", "1h", "-n", "1")
    seen = on_a_terminal(tmp_path, *command, REDIS_URL=valkey.url)
    seen += run(tmp_path, *command, REDIS_URL=valkey.url).stdout
    assert seen.count("sms.message.received.v1") == 2
    for private in (event["subject"], event["data"]["to"], event["data"]["text"]):
        assert private not in seen


@pytest.mark.parametrize(
    ("types", "listeners", "where", "wanted"),
    [
        ((), (), (), ["mo", "delivery-status", "reachability"]),
        (("sms.*",), (), (), ["mo", "delivery-status"]),
        (("sms.message.received.v1", "device.*"), (), (), ["mo", "reachability"]),
        ((), ("promo", "other"), (), ["mo", "delivery-status", "reachability"]),
        (("subscription.*",), ("promo",), (), []),
        (("sms.*",), ("other",), (), []),
        ((), (), ("data.to=48507",), ["mo"]),  # digits of a text
        ((), (), ("data.reachable=true",), ["reachability"]),
        ((), (), ("data.final=true", "data.status=delivered"), ["delivery-status"]),
        ((), (), ("data.final=true", "data.status=failed"), []),
        (("device.*",), (), ("data.final=true",), []),
        ((), (), ("data.to.more=1",), []),
    ],
)
def test_the_filters_let_through_what_they_say(
    types: tuple[str, ...], listeners: tuple[str, ...], where: tuple[str, ...], wanted: list[str]
) -> None:
    known = dict(published.samples())
    names = ("mo", "delivery-status", "reachability")
    places = tuple(Where().convert(one, None, None) for one in where)
    lets = EventFilter(types, listeners, places).wants
    assert [name for name in names if lets(json.dumps(known[name][0]).encode())] == wanted


def test_tail_has_the_filters_too(valkey: Valkey, tmp_path: Path) -> None:
    [_, status] = publish(valkey, "mo", "delivery-status")
    options = ("--from-start", "--no-follow", "--type", "*.updated.v1", "--listener", "promo")
    done = run(tmp_path, "tail", *options, REDIS_URL=valkey.url)
    assert [event["id"] for event in said(done.stdout)] == [status]


@pytest.mark.parametrize("command", ["tail", "listen"])
def test_a_type_that_no_event_has_is_refused(tmp_path: Path, command: str) -> None:
    refused = run(tmp_path, command, "--type", "sms.recieved.*", REDIS_URL="redis://127.0.0.1:1")
    assert refused.returncode == 2
    assert "see `receiver schema`" in refused.stderr


@pytest.mark.parametrize("wrong", ["data.status", "=failed", ""])
def test_a_value_without_a_place_is_refused_with_an_example(tmp_path: Path, wrong: str) -> None:
    refused = here(tmp_path, "tail", "--where", wrong, REDIS_URL="redis://127.0.0.1:1")
    assert refused.code == 2
    assert "such as data.status=failed" in refused.err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_it_waits_for_the_web_hook_and_for_redis_and_a_signal_ends_it_with_a_summary(
    valkey: Valkey, tmp_path: Path, number: int, code: int
) -> None:
    nobody = free_port()
    environ = {"REDIS_URL": valkey.url}
    url = f"127.0.0.1:{nobody}/events"
    with running(tmp_path, "listen", "--forward-to", url, "--since", "1h", **environ) as listen:
        out, err = cast(IO[str], listen.stdout), cast(IO[str], listen.stderr)
        assert err.readline() == f"receiver: listening; events go to http://{url}\n"
        assert err.readline().startswith("receiver: signed with whsec_")
        publish(valkey, "mo")
        assert err.readline() == "receiver: nobody listens at that address; waiting for it\n"
        with consuming(port=nobody):
            assert json.loads(out.readline())["status"] == 204
            valkey.kill()
            assert err.readline() == "receiver: Redis is away; waiting for it\n"
            valkey.start()
            publish(valkey, "mo")
            assert json.loads(out.readline())["status"] == 204
        listen.send_signal(number)
        assert err.read().splitlines() == ["receiver: Redis is back", "receiver: 2 events: 2 204"]
        assert listen.wait(60) == code


def test_whoever_listens_without_good_tls_is_not_said_to_be_away(
    valkey: Valkey, tmp_path: Path, hook: Consumer
) -> None:
    publish(valkey, "mo")
    with secure(tmp_path) as signed_by_itself:
        for consumer in (hook, signed_by_itself):
            url = f"https://localhost:{consumer.server_port}/"
            command = ("listen", "--forward-to", url, "--since", "1h", "-n", "1")
            done = run(tmp_path, *command, REDIS_URL=valkey.url)
            assert done.returncode == 1
            assert "nobody listens" not in done.stderr
            assert "_ssl.c:" in said(done.stdout)[0]["error"]
        done = run(tmp_path, *command, "--skip-verify", REDIS_URL=valkey.url)
        assert (done.returncode, len(signed_by_itself.requests)) == (0, 1)


def test_the_secret_stays_the_same_where_there_is_a_data_directory(tmp_path: Path) -> None:
    nowhere = run(tmp_path, "listen", "--print-secret")
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert "set RECEIVER_DATA_DIR to it or RECEIVER_LISTEN_SECRET" in nowhere.stderr
    (tmp_path / "var").mkdir()
    first, second = (run(tmp_path, "listen", "--print-secret") for _ in range(2))
    assert first.stdout == second.stdout
    assert first.stdout.startswith("whsec_")
    assert (tmp_path / "var/listen-secret").stat().st_mode & 0o777 == 0o600
    given = run(tmp_path, "listen", "--print-secret", RECEIVER_LISTEN_SECRET=SECRET)
    assert given.stdout.strip() == SECRET
    wrong = run(tmp_path, "listen", "--print-secret", RECEIVER_LISTEN_SECRET="whsec_!")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "RECEIVER_LISTEN_SECRET is no secret" in wrong.stderr


def test_a_stored_event_is_delivered_again_by_its_id(
    valkey: Valkey, tmp_path: Path, hook: Consumer
) -> None:
    [_, wanted, _] = publish(valkey, "mo", "delivery-status", "reachability")
    command = ("listen", "--forward-to", hook.url, "--event")
    done = run(tmp_path, *command, wanted, REDIS_URL=valkey.url)
    assert (done.returncode, hook.ids) == (0, [wanted])
    assert done.stderr.splitlines()[-1] == "receiver: 1 event: 1 204"
    missing = run(tmp_path, *command, "another", REDIS_URL=valkey.url)
    assert (missing.returncode, hook.ids) == (2, [wanted])
    assert "no event with the id 'another' is stored" in missing.stderr


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("3000", "http://localhost:3000"),
        ("localhost:3000/events", "http://localhost:3000/events"),
        ("3000/events?a=b", "http://localhost:3000/events?a=b"),
        ("https://[::1]:3000/a?b=c", "https://[::1]:3000/a?b=c"),
        *((wrong, None) for wrong in ("", "ftp://a/", "http://", "http://a:0", "a b", "::", "a:x")),
        ("http://me:secret@localhost:3000", None),
    ],
)
def test_a_port_a_host_and_a_url_say_where(given: str, url: str | None) -> None:
    if url:
        assert HookUrl().convert(given, None, None) == url
    else:
        with pytest.raises(click.BadParameter, match="a port, is wanted"):
            HookUrl().convert(given, None, None)


@pytest.mark.parametrize("given", ["", "a", "a b: c", ": c", "a: \n", "a: é"])
def test_what_is_no_header_is_refused(given: str) -> None:
    assert Header().convert("X-Env: dev", None, None) == ("X-Env", "dev")
    with pytest.raises(click.BadParameter, match="is wanted"):
        Header().convert(given, None, None)


def test_what_is_no_event_is_left_out_and_said(
    valkey: Valkey, tmp_path: Path, hook: Consumer
) -> None:
    for wrong in (b"null", b"{}", b"\xff", b'{"id": 1}'):
        valkey.client().xadd(EVENTS, {"event": wrong})
    publish(valkey, "mo")
    command = ("listen", "--forward-to", hook.url, "--since", "1h", "-n", "1")
    done = run(tmp_path, *command, REDIS_URL=valkey.url)
    assert (done.returncode, len(hook.requests)) == (0, 1)
    assert done.stderr.count("is no event of ours: left out") == 4
