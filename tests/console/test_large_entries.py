"""Entries as large as they may be: live tail, search and exports take the memory of a few."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.console import export
from receiver.console.export_rows import of_dead_letters, of_rejected
from receiver.console.live import HISTORY, Live
from receiver.console.live_open import Opened
from receiver.console.mask import Masks, Unmasked
from receiver.console.search import search
from receiver.contract.records import DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, REJECTED
from receiver.operations import dead_letters
from receiver.operations.rejected_requests import Selection
from tests.console.test_live import receipt
from tests.support.bounds import MUCH, with_little_memory
from tests.support.valkey import Valkey

MANY = 400
LARGE = b"x" * 256 * 1024
"""As large as a request may be: all of them together are 100 MB."""


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    """One for all, which has many refused requests: nobody writes to it but who signs in."""
    server = Valkey()
    pipe = server.client().pipeline(transaction=False)
    for number in range(MANY):
        one = Refusal("att.sms.mo", "promo", receipt(number), 0, 400, "too large", [], LARGE)
        pipe.xadd(REJECTED, {"r": encode(one)})
    pipe.execute()
    yield server
    server.stop()


@pytest.fixture
def refused(valkey: Valkey) -> Any:
    """The id of the first of many."""
    first: Any = valkey.client().xrange(REJECTED, count=1)
    return first[0][0].decode()


def test_the_live_tail_begins_with_a_few_at_once(valkey: Valkey) -> None:
    live = Live(valkey.client(), Masks(b""))
    with with_little_memory():
        assert len(live.since({}, live.now(), HISTORY).rows) == MANY


def test_a_tab_that_comes_back_has_those_it_missed_counted_a_few_at_once(
    valkey: Valkey, refused: str
) -> None:
    live = Live(valkey.client(), Masks(b""))
    with with_little_memory():
        batch = live.since({REJECTED: refused}, live.now(), 10)
    assert (len(batch.rows), batch.skipped) == (10, MANY - 1 - 10)


def test_what_comes_while_somebody_looks_is_read_a_few_at_once(
    valkey: Valkey, refused: str
) -> None:
    live, rows, left = Live(valkey.client(), Masks(b"")), [], True
    position = live.now() | {REJECTED: refused}
    with with_little_memory(MUCH // 4):
        while left:
            came, position, left = live._next(position, Opened())
            rows += came
    assert len(rows) == MANY - 1


def test_a_search_looks_at_a_few_at_once(start_valkey: Callable[..., Valkey]) -> None:
    client = start_valkey().client()
    pipe = client.pipeline(transaction=False)
    for number in range(MANY):
        said = f'{{"receiptid":"{receipt(number)}","data":{{"text":"needle {LARGE.decode()}"}}}}'
        pipe.xadd(EVENTS, {"event": said})
    pipe.execute()
    with with_little_memory():
        steps = list(search(client, Masks(b""), "needle", 24))
    assert sum(len(step.rows) for step in steps) == steps[-1].looked_at == MANY


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_an_export_has_a_few_at_once(valkey: Valkey, kind: str) -> None:
    rows = partial(of_rejected, valkey.client(), Unmasked(), Selection())
    encode = export._csv(["id", "body"]) if kind == "csv" else export._ndjson
    with with_little_memory():
        written = sum(map(len, export._chunks(rows, encode)))
    assert written > MANY * len(LARGE)


def test_an_export_of_dead_letters_has_a_few_at_once(start_valkey: Callable[..., Valkey]) -> None:
    client = start_valkey().client()
    pipe = client.pipeline(transaction=False)
    for number in range(MANY):
        one = Notification("att.sms.mo", "promo", receipt(number), 0, "", LARGE)
        pipe.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "too large", encode(one)))})
    pipe.execute()
    rows = partial(of_dead_letters, client, Unmasked(), dead_letters.Selection())
    with with_little_memory():
        written = sum(map(len, export._chunks(rows, export._ndjson)))
    assert written > MANY * len(LARGE)


@pytest.mark.parametrize(
    "path", ["/rejected", "/live", "/live?outcome=rejected", "/rejected?reason=x"]
)
def test_a_page_of_large_requests_has_a_few_at_once(viewer: TestClient, path: str) -> None:
    assert viewer.get("/ledger").status_code == 200
    with with_little_memory():
        assert viewer.get(path).status_code == 200
