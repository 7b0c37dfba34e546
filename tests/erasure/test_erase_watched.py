"""`receiver erase` and `export-person` reach the messages whose delivery status is asked for."""

import json
from pathlib import Path
from typing import Any

from receiver.contract.redis_keys import WATCHES
from receiver.operations import watch_ledger
from receiver.polling import watch_list
from tests.support.commands import run
from tests.support.outboxes import Watched, outbox, statuses
from tests.support.valkey import Valkey

HER, HIS = "+12065550100", "+12065550199"


def test_the_watch_of_a_message_to_her_ends_and_the_books_balance(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    with outbox() as gateway:
        watched = Watched(valkey, gateway, tmp_path)
        for name, number in (("SMS1", HER), ("SMS2", HIS)):
            gateway.script[name] = [statuses((f"tel:{number}", "DeliveredToNetwork"))]
            watched.ask_for(name)
        watched.poll(lambda: watched.looks() == 2)
    watched.events()
    exported = run(tmp_path, "export-person", HER, REDIS_URL=valkey.url).stdout.splitlines()
    kinds = [(one["kind"], one["key"], one["entry"]) for one in map(json.loads, exported)]
    assert ("watch", WATCHES, "promo SMS1") in kinds
    erased = run(tmp_path, "erase", HER, "--yes", "--json", REDIS_URL=valkey.url)
    report = json.loads(erased.stdout)
    assert (report["erased"]["watch"], report["complete"]) == (1, True)
    assert not any(HER[1:].encode() in record for record in client.hvals(WATCHES))
    assert [one.id for one, _ in watch_list.listed(client, "promo")] == ["SMS2"]
    (books,) = watch_ledger.read(client)
    assert (books.watched, books.dropped, books.open, books.balanced) == (2, 1, 1, True)
