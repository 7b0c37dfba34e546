"""All of the receiver before a Redis that is reached by TLS only."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.fronts import certificate
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey


async def _copied(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # one of the two has gone
        while data := await source.read(65536):
            to.write(data)
            await to.drain()
    to.close()


@contextmanager
def tls_before(valkey: Valkey, directory: Path) -> Iterator[int]:
    """What ends TLS before a Redis, as a cloud's proxy does; gives its port."""
    certificate(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls.pem", directory / "tls.key")
    ports: list[int] = []
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def joined(read: asyncio.StreamReader, write: asyncio.StreamWriter) -> None:
        behind = await asyncio.open_unix_connection(valkey.socket)
        await asyncio.gather(_copied(read, behind[1]), _copied(behind[0], write))

    async def serve() -> None:
        async with await asyncio.start_server(joined, "127.0.0.1", 0, ssl=context) as server:
            ports.append(server.sockets[0].getsockname()[1])
            await ended.wait()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        thread = threading.Thread(target=runner.run, args=(serve(),))
        thread.start()
        try:
            yield eventually(lambda: ports)[0]
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join()


@pytest.mark.parametrize("checked", [True, False])
def test_a_notification_goes_through_a_redis_behind_tls(
    receiver: Receiver, valkey: Valkey, tmp_path: Path, checked: bool
) -> None:
    with tls_before(valkey, tmp_path) as port:
        trusted = f"ssl_ca_certs={tmp_path}/tls.pem&ssl_check_hostname=no"
        how = trusted if checked else "ssl_cert_reqs=none&ssl_check_hostname=no"
        receiver.also(REDIS_URL=f"rediss://127.0.0.1:{port}/0?{how}")
        receiver.start()
        for text in ("one", "two", "x" * 200_000):  # the last one comes in several records
            receiver.acknowledged("/att/sms/mo", mo(text))
        assert receiver.settled().events == 3
        receiver.kill()
