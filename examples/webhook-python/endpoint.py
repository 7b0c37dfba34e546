"""A web hook that stores incoming messages, each once."""

import os
import signal
import sqlite3
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from receiver.events import (
    AnyEvent,
    NotAnEvent,
    SmsMessageReceived,
    Unverified,
    parse_batch,
    verify,
)

SECRETS = os.environ["WEBHOOK_SECRETS"]
FILE = os.environ.get("DATABASE", "handled.db")
LONGEST = 32 * 1024 * 1024


def handle(events: list[AnyEvent]) -> None:
    """Do the work of events, and note that it is done, in one transaction."""
    with closing(sqlite3.connect(FILE, timeout=30)) as database, database:
        for event in events:
            new = database.execute("INSERT OR IGNORE INTO handled VALUES (?)", [event.id])
            if new.rowcount and isinstance(event, SmsMessageReceived):
                data = event.data
                database.execute("INSERT INTO messages VALUES (?, ?)", [data["from"], data["text"]])


class Endpoint(BaseHTTPRequestHandler):
    """Answer 204 once the events are stored."""

    protocol_version = "HTTP/1.1"
    timeout = 90

    def do_POST(self) -> None:
        """Answer one request: 401 to strangers, 503 where it has to come again."""
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= LONGEST):
            self.close_connection = True
            return self.answer(400)
        body = self.rfile.read(int(length))
        try:
            verify(self.headers, body, SECRETS)
            handle(parse_batch(body))
        except Unverified:
            return self.answer(401)
        except NotAnEvent as error:
            self.log_error("%s", error)
            return self.answer(400)
        except sqlite3.Error as error:
            self.log_error("not stored: %s", type(error).__name__)
            return self.answer(503)
        return self.answer(204)

    def answer(self, status: int) -> None:
        """Send a response without a body."""
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


def main() -> None:
    """Serve until the process is ended."""
    with closing(sqlite3.connect(FILE)) as database:
        database.execute("CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY)")
        database.execute("CREATE TABLE IF NOT EXISTS messages (sender TEXT, text TEXT)")
    port = int(os.environ.get("HOOK_PORT", "9000"))
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    ThreadingHTTPServer(("127.0.0.1", port), Endpoint).serve_forever()


if __name__ == "__main__":
    main()
