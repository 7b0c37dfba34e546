"""Stores incoming messages from the events stream, each once."""

import os
import signal
import sqlite3

from receiver.events import AnyEvent, Consumer, NotAnEvent, SmsMessageReceived


def handle(database: sqlite3.Connection, event: AnyEvent) -> None:
    """Do the work of an event, and note that it is done, in one transaction."""
    with database:
        new = database.execute("INSERT OR IGNORE INTO handled VALUES (?)", [event.id])
        if new.rowcount and isinstance(event, SmsMessageReceived):
            data = event.data
            database.execute("INSERT INTO messages VALUES (?, ?)", [data["from"], data["text"]])


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    database = sqlite3.connect(os.environ.get("DATABASE", "handled.db"))
    database.execute("CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY)")
    database.execute("CREATE TABLE IF NOT EXISTS messages (sender TEXT, text TEXT)")
    with Consumer(os.environ["REDIS_URL"], group="stream-python") as consumer:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: consumer.stop())
        for delivery in consumer:
            try:
                handle(database, delivery.event)
            except NotAnEvent as error:  # somebody else writes onto the stream: do not stop for it
                print(f"{delivery.entry}: {error}", flush=True)
            delivery.ack()
    database.close()


if __name__ == "__main__":
    main()
