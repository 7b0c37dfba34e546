"""Every recorded request, over real HTTP, through real processes, to the events that come out."""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from receiver.carriers import CALLBACKS
from receiver.contract.records import Refusal, decode_refusal
from receiver.contract.redis_keys import REJECTED
from tests.support.bare import connect, read_answer, request, status
from tests.support.cases import Case, cases
from tests.support.commands import ROOT
from tests.support.running import TOKEN, Receiver
from tests.support.valkey import Valkey

CASES = [case for case in cases() if not case.callback.verify]
"""A signature is of its minute, so a carrier that signs has a test of its own that does."""

PRIVATE = {callback.path: callback.private for callback in CALLBACKS}


def listener(case: Case) -> str:
    """One of its own for each case, so that none is a duplicate of another."""
    return case.name.replace("/", "-")[:64]


class Outcome:
    """What all cases together brought about, by listener."""

    def __init__(self, receiver: Receiver, cases: list[Case]) -> None:
        self.answers = {case.name: send(receiver, case) for case in cases}
        self.books = receiver.settled()
        self.events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in receiver.events():
            self.events[event["source"].rpartition("/")[2]].append(event)
        self.refused: dict[str, list[Refusal]] = defaultdict(list)
        entries: Any = receiver.redis.xrange(REJECTED)
        for _, fields in entries:
            refusal = decode_refusal(fields[b"r"])
            self.refused[refusal.listener].append(refusal)


def send(receiver: Receiver, case: Case) -> bytes:
    with connect(receiver.port) as line:
        bearer = ("authorization", f"Bearer {TOKEN}")
        headers = [(name, value.encode("latin-1")) for name, value in case.headers]
        line.sendall(request(f"{case.path}/{listener(case)}", case.body, bearer, *headers))
        return read_answer(line)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    directory = tmp_path_factory.mktemp("fixtures")
    lines = [f'[[listener]]\nname = "{listener(one)}"\nzone = "{one.zone}"\n' for one in CASES]
    (directory / "receiver.toml").write_text("".join(lines))
    valkey = Valkey()
    receiver = Receiver(valkey, directory)
    yield Outcome(receiver.start(), CASES)
    receiver.stop()
    valkey.stop()


def kept(case: Case) -> bytes:
    """The body that is kept of a refused request."""
    private = PRIVATE.get(case.path)
    return private(case.body) if private else case.body


def check(outcome: Outcome, case: Case) -> None:
    answer = outcome.answers[case.name]
    events = outcome.events[listener(case)]
    refused = outcome.refused[listener(case)]
    assert status(answer) == case.status
    if case.reason is not None:
        said = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert said.get("message", said.get("detail")) == case.reason
        assert [(one.status, one.reason, one.body) for one in refused] == [
            (case.status, case.reason, kept(case))
        ]
    else:
        assert [one.reason for one in refused] == case.refused
    assert len(events) == len(case.events)
    for event, expected in zip(events, case.events, strict=True):
        assert "raw" in event["data"]
        del event["data"]["raw"]
        assert event["type"] == expected.type
        assert event["identitybasis"] == expected.basis
        assert event["timebasis"] == ("sender" if expected.time else "receipt")
        assert event["data"] == expected.data
        assert event.get("subject") == expected.subject
        moment = expected.time or event["receivedtime"]
        assert datetime.fromisoformat(event["time"]) == datetime.fromisoformat(moment)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_recorded_request_is_answered_right_and_comes_out_right(
    outcome: Outcome, case: Case
) -> None:
    check(outcome, case)


def test_the_books_of_all_cases_balance_and_nothing_accepted_was_unreadable(
    outcome: Outcome,
) -> None:
    assert outcome.books.balanced
    assert outcome.books.dead == 0
    assert outcome.books.duplicate == 0


MODULE = '''
"""A carrier that says hello, in plain text."""

from receiver.carriers.carrier import Callback, Event, Reading, Rejected
from receiver.carriers.formats.problem_details import problem


def read(request):
    if not request.body.startswith(b"hello "):
        raise Rejected("body: no hello")
    return Reading((request.body,))


def normalise(notification, zone):
    name = notification.body.decode()[6:]
    return [Event(type="toy.said.v1", data={"name": name}, raw=name, identity=(name,),
                  basis="fingerprint")]


CALLBACK = Callback(name="toy", path="/toy/said", read=read, normalise=normalise, problem=problem)
'''
FOLDER = {
    "hello": (
        b"hello world",
        {
            "status": 204,
            "events": [{"type": "toy.said.v1", "basis": "fingerprint", "data": {"name": "world"}}],
        },
    ),
    "silence": (b"", {"status": 400, "reason": "body: no hello"}),
}


def test_one_more_carrier_is_one_module_its_line_and_one_folder(
    valkey: Valkey, tmp_path: Path
) -> None:
    for package in ("receiver", "workers"):
        shutil.copytree(ROOT / package, tmp_path / package)
    (tmp_path / "receiver/carriers/toy.py").write_text(MODULE)
    register = tmp_path / "receiver/carriers/__init__.py"
    known = register.read_text()
    known = known.replace("import att, camara", "import att, camara, toy")
    register.write_text(known.replace("    camara.CALLBACK,", "    camara.CALLBACK, toy.CALLBACK,"))
    for name, (body, case) in FOLDER.items():
        folder = tmp_path / "fixtures/toy" / name
        folder.mkdir(parents=True)
        (folder / "body").write_bytes(body)
        (folder / "case.json").write_text(json.dumps({"about": "", "path": "/toy/said", **case}))

    receiver = Receiver(valkey, tmp_path, PYTHONPATH=str(tmp_path))
    try:
        found = list(cases(tmp_path / "fixtures"))
        outcome = Outcome(receiver.start(), found)
        assert len(found) == len(FOLDER)
        for one in found:
            check(outcome, one)
    finally:
        receiver.stop()
