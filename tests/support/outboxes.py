"""A gateway's outbox that answers as a test says, and `receiver poll` before it in this process."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import redis

from receiver.config.settings import Settings, load
from receiver.contract.redis_keys import EVENTS, WATCH, WATCH_COUNTS, WATCHES, watch_due
from receiver.polling import watch as watching
from receiver.polling import watch_list
from receiver.polling.pace import Pace
from receiver.polling.process import Process
from receiver.polling.watch import Watch
from tests.support.threaded import threaded
from tests.support.valkey import Valkey
from workers.normalise.job import Normaliser

PACE = Pace(tick=0.02, quiet=0.02, jitter=0.0, failures=(0.2,), connect=20, idle=20, lease=5)
A, B = "tel:+12065550100", "tel:+12065550101"
TO_A, TO_B = "+12065550100", "+12065550101"
SENT, DELIVERED, FAILED = "DeliveredToNetwork", "DeliveredToTerminal", "DeliveryImpossible"


class Reply(NamedTuple):
    """One answer; of a cut one only the first so many bytes leave, `once` something is set."""

    status: int
    body: bytes
    cut: int | None = None
    once: threading.Event | None = None


def statuses(
    *infos: tuple[str, str], cut: int | None = None, once: threading.Event | None = None
) -> Reply:
    """What AT&T answers: address and status of each recipient."""
    listed = [
        {"Id": f"msg{n}", "Address": address, "DeliveryStatus": status}
        for n, (address, status) in enumerate(infos)
    ]
    document = {"DeliveryInfoList": {"DeliveryInfo": listed, "ResourceUrl": "http://e/x"}}
    return Reply(200, json.dumps(document).encode(), cut, once)


def error(status: int, code: str) -> Reply:
    """An error as AT&T writes it."""
    said = {"MessageId": code, "Text": "about tel:+12065550100", "Variables": ""}
    kind = "PolicyException" if code.startswith("POL") else "ServiceException"
    return Reply(status, json.dumps({"RequestError": {kind: said}}).encode())


GONE = error(400, "SVC0002")


class Outbox(ThreadingHTTPServer):
    """Answers of `script`, by message id in turn, the last one for ever; else GONE."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), type("_Handler", (_Handler,), {"outbox": self}))
        self.script: dict[str, list[Reply]] = {}
        self.asked: list[str] = []
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.sends: Reply = Reply(201, b"{}")
        self.tokens = 0
        self.url = f"http://127.0.0.1:{self.server_port}"

    def reply(self, path: str) -> Reply:
        name = next((each for each in self.script if each in path), "")
        turn = self.script.get(name, [GONE])
        return turn.pop(0) if len(turn) > 1 else turn[0]


class _Handler(BaseHTTPRequestHandler):
    outbox: Outbox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/oauth/v4/token":
            self.outbox.tokens += 1
            token = {"access_token": f"t{self.outbox.tokens}", "token_type": "bearer"}
            self._answer(Reply(200, json.dumps(token | {"expires_in": "0"}).encode()))
        else:
            self.outbox.sent.append((self.path, json.loads(body)))
            self._answer(self.outbox.sends)

    def do_GET(self) -> None:
        self.outbox.asked.append(self.path)
        self._answer(self.outbox.reply(self.path))

    def _answer(self, reply: Reply) -> None:
        if reply.once:
            reply.once.wait(60)
        self.send_response(reply.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: reply.cut])
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextlib.contextmanager
def outbox() -> Iterator[Outbox]:
    """An outbox for the length of the block."""
    server = Outbox()
    with threaded(server):
        yield server


class Watched:
    """A poll of kind att-status before that outbox, and what a test asks of it."""

    def __init__(
        self,
        valkey: Valkey,
        gateway: Any,
        directory: Path,
        more: str = "",
        client: tuple[str, str] = ("the-key", "the-secret"),
        rate: int = 500,
    ) -> None:
        """`gateway`: an `Outbox`, or anything else with a `url`."""
        self.valkey = valkey
        self.redis: redis.Redis = valkey.client()
        self.gateway = gateway
        self.directory = directory
        toml = directory / "receiver.toml"
        toml.write_text(f"""
[[poll]]
name = "promo"
kind = "att-status"
base_url = "{gateway.url}"
client_id_env = "KEY"
client_secret_env = "SECRET"
rate = {rate}
{more}
""")
        self.environ = {
            "REDIS_URL": valkey.url,
            "RECEIVER_CONFIG": str(toml),
            "RECEIVER_DATA_DIR": str(directory / "var"),
            "KEY": client[0],
            "SECRET": client[1],
        }
        self.settings: Settings = load(self.environ)

    def ask_for(self, *names: str, ago: float = 25.0, **more: str) -> None:
        """The company wrote these ids so many seconds ago."""
        written = self.now() - round(ago * 1000)
        for name in names:
            fields: Any = {"id": name, "poll": "promo"} | more
            self.redis.xadd(WATCH, fields, id=f"{written}-*")

    def watch(self, *names: str) -> None:
        """These messages are watched."""
        for name in names:
            assert watch_list.add(self.redis, "promo", name)

    def now(self) -> int:
        seconds, microseconds = self.redis.time()
        return int(seconds * 1000 + microseconds // 1000)

    def later(self) -> None:
        """Time passes: everything is due."""
        names: Any = self.redis.zrange(watch_due("promo"), 0, -1)
        for name in names:
            self.redis.zadd(watch_due("promo"), {name: 0}, xx=True)

    def is_older(self, hours: float) -> None:
        """Every watch began so long ago."""
        records: Any = self.redis.hgetall(WATCHES)
        for name, record in records.items():
            fields = json.loads(record) | {"since": self.now() - round(hours * 3_600_000)}
            self.redis.hset(WATCHES, name, json.dumps(fields, separators=(",", ":")))

    def poll(
        self,
        condition: Callable[[], object],
        *,
        within: float = 120,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        """Run `receiver poll` until the condition holds, and stop it in good order; `after` is done
        before.
        """
        asyncio.run(self._poll(condition, within, after))

    async def _poll(
        self, condition: Callable[[], object], within: float, after: Callable[[], object]
    ) -> None:
        stop = threading.Event()
        process = Process(self.settings, stop.is_set, PACE)
        running = asyncio.create_task(process.run())
        until = time.monotonic() + within
        try:
            while not await asyncio.to_thread(condition):
                assert time.monotonic() < until, "it does not come about"
                if running.done():
                    running.result()
                await asyncio.sleep(0.02)
            await asyncio.to_thread(after)
        finally:
            stop.set()
            await running
            await process.close()

    def watches(self) -> list[Watch]:
        found: Any = self.redis.hvals(WATCHES)
        return [watching.decode(each) for each in found]

    def looks(self) -> int:
        return sum(one.looks for one in self.watches())

    def counts(self) -> dict[str, int]:
        found: Any = self.redis.hgetall(WATCH_COUNTS)
        return {name.decode().partition(":")[2]: int(count) for name, count in found.items()}

    def ended(self) -> bool:
        """Whether something was watched, and nothing is any more."""
        return bool(self.counts()) and not self.redis.hlen(WATCHES)

    def events(self) -> list[dict[str, Any]]:
        """All events so far, normalised."""
        Normaliser(self.redis, "me", self.settings, lambda: False).run()
        found: Any = self.redis.xrange(EVENTS)
        return [json.loads(fields[b"event"]) for _, fields in found]

    def said(self) -> list[tuple[str | None, str, bool, str | None]]:
        """Address, status, whether it is final, and the reason, of each event."""
        return [
            (data["to"], data["status"], data["final"], data.get("reason"))
            for data in (event["data"] for event in self.events())
        ]
