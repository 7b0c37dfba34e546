"""What `receiver up` says: sentences where somebody watches, else lines of the log.

A terminal watches, be it stdout or stderr. What a log collector reads is JSON only, and has no
token and no link that signs in: it says where they are.
"""

import sys

import structlog

from receiver.cli.terminal.output import print_message

log = structlog.get_logger()


def watched() -> bool:
    """Return whether people see what is printed."""
    return sys.stdout.isatty() or sys.stderr.isatty()


def notice(sentence: str) -> None:
    """Say a sentence, as `up.notice` in the log."""
    say(sentence, "up.notice", said=sentence)


def say(text: str, event: str, **fields: object) -> None:
    """Print text for people, or log an event with fields in place of it."""
    if watched():
        print_message(text)
    else:
        log.info(event, **fields)
