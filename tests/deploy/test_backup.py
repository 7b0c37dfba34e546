"""A backup as docs/operating.md takes it, and what a receiver makes of it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from receiver.operations import ledger
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

LOG = "appendonlydir"


def test_a_log_that_was_copied_while_it_was_written_to_is_a_backup(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    server = start_valkey()
    receiver = Receiver(server, tmp_path)
    try:
        receiver.start()
        bodies = [mo() for _ in range(20)]
        for body in bodies[:10]:
            receiver.acknowledged("/att/sms/mo", body)
        receiver.settled()
        receiver.redis.bgrewriteaof()  # so that there is a base and what came behind it
        receiver.redis.config_set("auto-aof-rewrite-percentage", 0)
        eventually(lambda: not receiver.redis.info("persistence")["aof_rewrite_in_progress"])
        shutil.copytree(server.directory / LOG, tmp_path / LOG)
        for body in bodies[10:]:
            receiver.acknowledged("/att/sms/mo", body)
        receiver.settled()
    finally:
        receiver.stop()

    server.kill()
    shutil.rmtree(server.directory / LOG)
    shutil.copytree(tmp_path / LOG, server.directory / LOG)
    server.start()
    books = ledger.read(server.client())
    assert books.balanced
    assert books.published == 10
    restored = Receiver(server, tmp_path)
    try:
        restored.start()
        for body in bodies:  # the first half are duplicates to it, still
            restored.acknowledged("/att/sms/mo", body)
        after = restored.settled()
        assert (after.published, after.duplicate) == (20, 10)
    finally:
        restored.stop()
