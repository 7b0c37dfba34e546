"""A listener that floods the web process takes its share, and leaves the others theirs."""

import json
import select
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from receiver.auth.bearer import Credential
from receiver.auth.credential_store import add
from receiver.config.settings import Listener, SettingsError, load
from receiver.intake import waiting_requests
from receiver.intake.waiting_requests import WAITING_ENTRIES
from receiver.web import listener_shares
from receiver.web.admission import BODY_BYTES, Admission, Room
from receiver.web.listener_shares import WAITS, ListenerShares
from receiver.web.rejection import Refuse
from receiver.web.request import Request
from receiver.web.responses import Response
from tests.support.bare import connect, header, read_answer, request, status
from tests.support.eventually import eventually
from tests.support.in_process import serving
from tests.support.running import TOKEN, mo
from tests.support.valkey import Valkey

JSON = ("content-type", "application/json")
FILE = (
    '[[listener]]\nname = "loud"\n[[listener]]\nname = "quiet"\n'
    '[[listener]]\nname = "slow"\nmax_per_second = 1\n'
)


def asked(listener: str, bound: str | None = "") -> Request:
    """A request to a listener, with a token bound to it unless that is said otherwise."""
    made = Request("POST", listener, [], b"", {})
    made.credential = Credential(listener=listener if bound == "" else bound)
    return made


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def shares(*listeners: Listener, most: int = 100) -> tuple[ListenerShares, Admission, _Clock]:
    clock, admission = _Clock(), Admission(most)
    found = listeners or (Listener(name="loud"), Listener(name="quiet"))
    return ListenerShares(found, admission, most, clock), admission, clock


def _enter(one: ListenerShares, listener: str, most: int = 1000) -> int:
    """Let in as many as are admitted; how many."""
    for count in range(most):
        if one.refusal(asked(listener)):
            return count
        one.of(asked(listener)).enter()
    return most


def test_alone_a_listener_takes_all_but_a_place_for_who_comes_next() -> None:
    one, admission, _ = shares()
    assert _enter(one, "loud") == 88
    assert not admission.full
    assert _enter(one, "quiet", 12) == 12


def test_while_others_wait_it_takes_no_more_than_its_share_and_more_again_afterwards() -> None:
    one, _, clock = shares()
    assert one.refusal(asked("quiet")) is None
    assert _enter(one, "loud") == 50
    refused = one.refusal(asked("loud"))
    assert refused
    assert (refused.status, refused.counted, refused.kept) == (429, "listener share", False)
    clock.now += WAITS
    assert one.refusal(asked("loud")) is None
    one.of(asked("quiet")).enter()
    assert one.refusal(asked("loud"))
    one.of(asked("quiet")).leave(0)
    clock.now += WAITS
    assert one.refusal(asked("loud")) is None


@pytest.mark.parametrize("complete", [True, False])
def test_bodies_have_a_share_too(*, complete: bool) -> None:
    one, admission, _ = shares()
    one.refusal(asked("quiet"))
    loud = one.of(asked("loud"))
    with Room(loud) as room:
        take = loud.enter if complete else room.add_bytes
        assert take(BODY_BYTES // 2)
        assert not take(1)
    assert one.of(asked("quiet")).enter(1000)
    assert admission.body_bytes < BODY_BYTES


def test_a_token_that_is_bound_to_no_listener_and_a_single_listener_have_no_share() -> None:
    one, admission, _ = shares()
    assert one.of(asked("loud", None)) is admission
    assert one.refusal(asked("loud", None)) is None
    one, admission, _ = shares(Listener(name="loud"), most=10)
    assert _enter(one, "loud", 10) == 10
    assert admission.full


def test_what_came_in_is_given_back() -> None:
    one, admission, _ = shares()
    loud: Any = one.of(asked("loud"))
    loud.enter(10)
    loud.leave(10)
    with Room(loud) as room:
        room.add_bytes(5)
    assert (loud.in_flight, loud.body_bytes) == (0, 0)
    assert (admission.in_flight, admission.body_bytes) == (0, 0)


def test_entries_that_wait_to_be_stored_have_a_share_too() -> None:
    """A body of many takes as much of its listener's share as it takes of the queue."""
    one, admission, _ = shares()
    one.refusal(asked("quiet"))
    loud, responded = one.of(asked("loud")), list[Response]()

    def body_of(entries: int) -> Any:
        loud.enter()
        return one.count_entries(asked("loud"), entries, responded.append)

    respond = body_of(WAITING_ENTRIES // 2)
    assert loud.in_flight == 50
    assert one.refusal(asked("loud"))
    with pytest.raises(Refuse):
        body_of(2)  # it came in while the other was not complete
    respond(Response(204, []))
    assert (loud.in_flight, len(responded), admission.in_flight) == (2, 1, 2)
    assert one.count_entries(asked("loud", None), 500, responded.append) == responded.append


def test_a_body_of_more_than_a_share_is_taken_where_nothing_else_of_its_listener_waits() -> None:
    one, _, _ = shares()
    one.refusal(asked("quiet"))
    one.of(asked("loud")).enter()
    one.count_entries(asked("loud"), 3 * WAITING_ENTRIES, lambda _: None)
    assert one.refusal(asked("quiet")) is None


def test_a_listener_may_have_a_number_of_requests_a_second_whatever_the_token() -> None:
    one, _, clock = shares(Listener(name="slow", max_per_second=2), Listener(name="quiet"))
    tokens = (asked("slow"), asked("slow", None), asked("slow"))
    said = [one.refusal(each) for each in tokens]
    assert [each and (each.status, each.counted) for each in said] == [
        None,
        None,
        (429, "listener rate"),
    ]
    # A token of another listener is told so later, and takes nothing from this one.
    assert one.refusal(asked("slow", "quiet")) is None
    clock.now += 0.5
    assert one.refusal(asked("slow")) is None
    assert one.refusal(asked("slow"))
    clock.now += 100
    assert [bool(one.refusal(asked("slow"))) for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("value", ["0", "-1", '"many"', "1.5"])
def test_a_rate_that_is_none_is_refused_at_the_start(tmp_path: Path, value: str) -> None:
    file = tmp_path / "receiver.toml"
    file.write_text(f'[[listener]]\nname = "a"\nmax_per_second = {value}\n')
    with pytest.raises(SettingsError, match="max_per_second"):
        load({"RECEIVER_CONFIG": str(file)})


def test_a_flood_for_one_listener_leaves_the_requests_of_another_admitted(
    valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(FILE)
    for name in ("loud", "quiet", "slow"):
        add(valkey.client(), f"{TOKEN}-{name}", Credential(label=name, listener=name))
    environ = {
        "REDIS_URL": valkey.url,
        "RECEIVER_CONFIG": str(tmp_path / "receiver.toml"),
        "RECEIVER_MAX_IN_FLIGHT": "8",
    }

    def to(name: str) -> bytes:
        target = f"/att/sms/mo/{name}?access_token={TOKEN}-{name}"
        return request(target, mo(), JSON)

    with serving(**environ) as port, ExitStack() as open_:

        def answer(name: str) -> bytes:
            with connect(port) as line:
                line.sendall(to(name))
                return read_answer(line)

        for _ in range(7):  # slow bodies: each is in flight until its last byte
            open_.enter_context(connect(port)).sendall(to("loud")[:-1])
        eventually(lambda: status(answer("loud")) == 429)
        for _ in range(5):
            assert status(answer("quiet")) == 204
        refused = answer("loud")
        assert (status(refused), header(refused, b"retry-after")) == (429, b"1")
        open_.close()
        eventually(lambda: status(answer("loud")) == 204)
        eventually(lambda: status(answer("slow")) == 429)  # its one of this second
        assert status(answer("quiet")) == 204


def test_large_bodies_for_one_listener_leave_another_a_place_in_the_queue(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (waiting_requests, listener_shares):
        monkeypatch.setattr(module, "WAITING_ENTRIES", 16)
    monkeypatch.setattr(waiting_requests, "ACKNOWLEDGE_WITHIN", 60)
    (tmp_path / "receiver.toml").write_text(FILE)
    for name in ("loud", "quiet"):
        add(valkey.client(), f"{TOKEN}-{name}", Credential(label=name, listener=name))
    environ = {"REDIS_URL": valkey.url, "RECEIVER_CONFIG": str(tmp_path / "receiver.toml")}
    events = [{"messageId": f"W{n}", "eventType": "TEXT", "event": "ADD"} for n in range(4)]
    body = {"subscriptionNotifications": [{"subscriptionId": "s", "notificationEvents": events}]}
    large = json.dumps({"messageNotifications": body}).encode()

    with serving(**environ) as port, ExitStack() as open_:

        def send(name: str, path: str, body: bytes) -> Any:
            line = open_.enter_context(connect(port))
            line.sendall(request(f"{path}/{name}?access_token={TOKEN}-{name}", body, JSON))
            return line

        assert status(read_answer(send("loud", "/att/messages", large))) == 204
        valkey.pause()
        flood = [send("loud", "/att/messages", large) for _ in range(6)]
        eventually(lambda: len(select.select(flood, [], [], 0)[0]) == 2)
        quiet = send("quiet", "/att/sms/mo", mo())
        valkey.resume()
        assert status(read_answer(quiet)) == 204
        assert sorted(status(read_answer(one)) for one in flood) == [204] * 4 + [429] * 2
