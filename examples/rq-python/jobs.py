"""The function that the sink calls: stores incoming messages, each once."""

import os
import sqlite3
from contextlib import closing
from typing import Any

from receiver.events import SmsMessageReceived, parse


def on_event(document: dict[str, Any]) -> None:
    """Do the work of an event, and note that it is done, in one transaction. RQ may run a job
    twice.
    """
    event = parse(document)
    file = os.environ.get("DATABASE", "handled.db")
    with closing(sqlite3.connect(file, timeout=30)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY)")
        database.execute("CREATE TABLE IF NOT EXISTS messages (sender TEXT, text TEXT)")
        new = database.execute("INSERT OR IGNORE INTO handled VALUES (?)", [event.id])
        if new.rowcount and isinstance(event, SmsMessageReceived):
            data = event.data
            database.execute("INSERT INTO messages VALUES (?, ?)", [data["from"], data["text"]])
