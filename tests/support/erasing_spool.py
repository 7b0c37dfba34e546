"""A spool with notifications about her and about him, and `receiver erase` in it."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from receiver.config.settings import Settings
from receiver.contract.records import Notification, Refusal, encode
from receiver.erasure.erase import Eraser, Report
from receiver.erasure.own_spool import OwnSpool
from receiver.erasure.person import Person
from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import location
from receiver.intake.spool.spool_file import SpoolFile
from receiver.runtime.cancelling import cancel
from receiver.runtime.redis_client import async_client
from tests.support.erasing import HER, HIS
from tests.support.spools import House, left
from tests.support.valkey import Valkey

__all__ = ["HER", "HIS"]


def notification(sender: str, receipt: int) -> bytes:
    body = {"SenderAddress": sender, "Message": "hello", "DestinationAddress": "52345678"}
    sent = json.dumps(body).encode()
    return encode(
        Notification("att.sms.mo", "default", f"{receipt:027x}", 1, "application/json", sent)
    )


def refusal(text: bytes) -> bytes:
    return encode(Refusal("att.sms.mo", "default", "r", 1, 400, "no", [], text))


def fill(directory: Path, number: int = 5) -> SpoolFile:
    """What a web process left: three batches, hers and his in each; closed."""
    file = left(directory, number)
    for batch in range(3):
        both = [notification(HER, 2 * batch), notification(HIS, 2 * batch + 1)]
        refused = [refusal(b"x=12065550100"), refusal(b"x=1")]
        file.write(Batch(f"f{number}", batch + 1, both, refused))
    file.close()
    return file


def on_disk(directory: Path) -> bytes:
    files = location.own(directory).glob("spool-*")
    return b"".join(path.read_bytes() for path in files)


def erasing(
    valkey: Valkey,
    directory: Path,
    work: Callable[[House, Callable[..., Report]], Coroutine[Any, Any, None]],
) -> None:
    """Run `work` in a web process whose spool does not drain until `availability.closed` is ''."""

    async def main() -> None:
        house = House(valkey.url, directory)
        house.availability.closed = "Redis has no memory left"
        await house.spool.start()
        house.drain.start()
        async with asking(valkey, house, directory):
            await work(house, lambda **more: erase(valkey, **more))
        await house.drain.close()
        await house.spool.close()

    asyncio.run(main())


@asynccontextmanager
async def asking(valkey: Valkey, house: House, directory: Path) -> Any:
    client = async_client(valkey.url)
    own = OwnSpool(client, house.spool, house.drain, Settings(spool_dir=directory))
    await own.look()
    task = asyncio.create_task(own.run())
    yield own
    await cancel([task])
    await own.close()
    await client.aclose()


def erase(valkey: Valkey, **more: Any) -> Report:
    return Eraser(valkey.client(), Person((HER,), Settings()), ()).run(**more)
