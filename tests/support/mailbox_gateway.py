"""A mailbox behind In-App Messaging, in this process: it can change between two requests."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from receiver.outbound import Answer
from tests.support.threaded import threaded

ROOT = "/myMessages/v2"
Before = Callable[[str, str, dict[str, str]], tuple[int, Any] | None]
BAD = {"RequestError": {"ServiceException": {"MessageId": "SVC0002", "Text": "Invalid input"}}}
BAD_TOKEN = {"RequestError": {"PolicyException": {"MessageId": "POL0001", "Text": "bad token"}}}
WORDS = {"adds": "addedMessages", "updates": "updatedMessages", "deletes": "deletedMessages"}


class MailboxGateway:
    """As AT&T's SDKs know it; with `seed`, as its OpenAPI document does. At first it has the
    messages `m0`, `m1` and so on.
    """

    def __init__(self, *, seed: bool = False, page: int = 500, has: int = 0) -> None:
        self.seed = seed
        self.largest = page
        self.messages: dict[str, dict[str, Any]] = {}
        self.changes: list[tuple[str, str, str]] = []
        self.oldest = 0
        """States before it are stale."""
        self.status = "NOT_INITIALIZED"
        self.builds = 0
        """Looks at the index until it is ready."""
        self.failing: dict[str, int] = {}
        """Message id -> how often it cannot be read."""
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.before: Before = lambda *_: None
        """Is called before each request; what it returns is the answer."""
        self.refresh, self.access, self.refreshes = "r-0", "a-0", 0
        self.expires_in: Any = "3600"
        self.sent: list[Any] = []
        self.listed_texts = True
        """Whether lists have texts, or only messages that are asked for one by one."""
        for number in range(has):
            self.add(f"m{number}")

    @property
    def state(self) -> str:
        return f"s/{len(self.changes)}+="

    @property
    def index_orders(self) -> int:
        """How often it was told to build its index."""
        return sum((method, path) == ("POST", "/messages/index") for method, path, _ in self.asked)

    def add(self, id_: str, text: str = "hello", **more: Any) -> None:
        about = {"from": {"value": "+12065550100"}, "recipients": [{"value": "48507"}]}
        if self.seed:
            about = {"from": "tel:+12065550100", "recipients": ["tel:48507"]}
        message = {
            "messageId": id_, **about, "timeStamp": "2026-01-14T12:00:00", "text": text,
            "isUnread": True, "isFavorite": False, "type": "TEXT", "isIncoming": "true",
            "typeMetaData": {"subject": text},
        }  # fmt: skip
        self.messages = {id_: message | more, **self.messages}
        self.changes.append(("adds", id_, "TEXT"))

    def mark(self, id_: str, **flags: bool) -> None:
        self.messages[id_].update(flags)
        self.changes.append(("updates", id_, "TEXT"))

    def delete(self, id_: str) -> None:
        del self.messages[id_]
        self.changes.append(("deletes", id_, "TEXT"))

    def lose_states(self) -> None:
        """All states up to now are stale."""
        self.oldest = len(self.changes) + 1
        self.changes.append(("none", "", ""))

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        path = parts.path.removeprefix(ROOT)
        self.asked.append((method, path, query))
        if path == "/oauth/v4/token":
            return self._token(dict(parse_qsl(body.decode())))
        if (said := self.before(method, path, query)) is not None:
            return said
        if token != f"Bearer {self.access}":
            return 401, BAD_TOKEN
        return self._mailbox(method, path, query, body)

    def _token(self, form: dict[str, str]) -> tuple[int, Any]:
        if form.get("refresh_token", form.get("code")) not in (self.refresh, "a-code"):
            return 400, {"error": "invalid_grant"}
        self.refreshes += 1
        self.refresh, self.access = f"r-{self.refreshes}", f"a-{self.refreshes}"
        token = {"access_token": self.access, "token_type": "bearer"}
        return 200, {**token, "expires_in": self.expires_in, "refresh_token": self.refresh}

    def _mailbox(
        self, method: str, path: str, query: dict[str, str], body: bytes
    ) -> tuple[int, Any]:
        if (method, path) == ("POST", "/messages/index"):
            self.status = "INITIALIZING" if self.builds else "INITIALIZED"
            return (200, self._index()) if self.seed else (202, None)
        if path == "/messages/index/info":
            if self.seed:
                return 404, BAD
            self.builds = max(0, self.builds - 1)
            if self.status == "INITIALIZING" and not self.builds:
                self.status = "INITIALIZED"
            return 200, self._index()
        if path == "/delta":
            return self._delta(query["state"])
        if (method, path) == ("GET", "/messages"):
            return 200, self._list(query)
        return self._change(method, path, query, json.loads(body or b"null"))

    def _index(self) -> Any:
        return {"messageIndexInfo": {"status": self.status, "state": self.state}}

    def _delta(self, state: str) -> tuple[int, Any]:
        number = int(state.removeprefix("s/").removesuffix("+="))
        if self.status != "INITIALIZED" or number < self.oldest:
            return 400, BAD
        found: dict[str, list[Any]] = {"adds": [], "updates": [], "deletes": []}
        for change, id_, _ in self.changes[number:]:
            if change in found:
                message = self.messages.get(id_, {})
                flags = {x: message[x] for x in ("isUnread", "isFavorite") if x in message}
                found[change].append({"messageId": id_, **flags})
        if self.seed:
            named: dict[str, Any] = {WORDS[name]: items for name, items in found.items()}
            named["deletedMessages"] = [one["messageId"] for one in found["deletes"]]
            return 200, {"deltaResponse": {**named, "state": self.state}}
        delta = [{"type": "TEXT", **found}]
        return 200, {"deltaResponse": {"state": self.state, "delta": delta}}

    def _list(self, query: dict[str, str]) -> Any:
        every = list(self.messages)
        if ids := query.get("messageIds"):
            every = [one for one in ids.split(",") if one in self.messages]
        start, size = int(query["offset"]), min(int(query["limit"]), self.largest)
        part = every[start : start + size]
        failed = [one for one in part if self.failing.get(one, 0) > 0]
        for one in failed:
            self.failing[one] -= 1
        messages = [self.messages[one] for one in part if one not in failed]
        if not self.listed_texts:
            messages = [{k: v for k, v in one.items() if k != "text"} for one in messages]
        about = {"offset": start, "limit": size, "messages": messages}
        if self.seed:
            return {"messageResultSet": {**about, "totalCount": len(every)}}
        more = {"total": len(every), "state": self.state, "cacheStatus": "INITIALIZED"}
        return {"messageList": {**about, **more, "failedMessages": failed}}

    def _change(
        self, method: str, path: str, query: dict[str, str], document: Any
    ) -> tuple[int, Any]:
        if (method, path) == ("POST", "/messages"):
            self.sent.append(document)
            return 200, {"id": "trace-1"}
        id_ = unquote(path.removeprefix("/messages").strip("/"))
        ids = [id_] if id_ else query.get("messageIds", "").split(",")
        if method == "PUT":
            one = [{"messageId": id_, **document["message"]}] if id_ else document["messages"]
            ids = [flags.pop("messageId") for flags in one]
        if not set(ids) <= set(self.messages):
            return 404, BAD
        for index, each in enumerate(ids):
            if method == "PUT":
                self.mark(each, **one[index])
            elif method == "DELETE":
                self.delete(each)
        return (204, None) if method != "GET" else (200, {"message": self.messages[ids[0]]})

    async def send(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes | None = None
    ) -> Answer:
        """As an HTTP client would have it."""
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}"
        status, document = self.answer(method, target, headers["authorization"], content or b"")
        body = b"" if document is None else json.dumps(document).encode()
        return Answer(status=status, headers={}, body=body)


def answering(wanted: str, status: int, document: Any) -> Before:
    """Answers requests for a path with this."""

    def before(_: str, path: str, __: dict[str, str]) -> tuple[int, Any] | None:
        return (status, document) if path == wanted else None

    return before


@contextmanager
def served(gateway: MailboxGateway) -> Iterator[str]:
    """Its URL, while it listens on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            token = self.headers.get("Authorization", "")
            status, document = gateway.answer(self.command, self.path, token, body)
            said = b"" if document is None else document  # octets go as they are
            if not isinstance(said, bytes):
                said = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names are the server's

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with threaded(server):
        yield f"http://127.0.0.1:{server.server_port}"
