"""Checks of what is polled: settings, process, page files, consents, watched messages."""

import os
from collections.abc import Iterator, Sequence
from shlex import quote
from typing import Final

from receiver.config import polls as configured
from receiver.config.polls import EVERY, AttInboxPoll, AttMessagesPoll, AttStatusPoll
from receiver.config.problems import poll_problems
from receiver.config.settings import Settings
from receiver.doctor.environment import VANISHING, filesystem
from receiver.doctor.finding import Finding
from receiver.metrics.snapshot import Snapshot
from receiver.polling.overview import PollState, damaged, page_files
from receiver.polling.page_file import DIRECTORY

_LATE: Final = 300.0
"""Seconds after which a page file is late."""
_LOOK_LATE: Final = 15 * 60.0
"""Seconds after which a watched message is late: the gateway forgets a status after 30 minutes."""
_LOSING: Final = ("at_risk", "cut")
_MEANWHILE: Final = {
    "att-inbox": "a gateway drops what nobody has fetched for 30 minutes",
    "att-status": "a gateway forgets a status 30 minutes after it has become final",
}
"""Kind -> what is lost by who waits."""


def of_settings(settings: Settings) -> Iterator[Finding]:
    """Check what `receiver.toml` says about polls."""
    for first, second in configured.twins(settings.polls):
        yield Finding(
            "serious",
            f"the polls {first} and {second} read one registration",
            "each takes messages that the other then does not see, and the gateway throttles both",
            f"remove the [[poll]] {second} from receiver.toml",
        )
    for one in settings.polls:
        if isinstance(one, AttInboxPoll) and one.seconds < EVERY:
            yield Finding(
                "note",
                f"the poll {one.name} asks every {one.seconds:.0f} s",
                "AT&T throttles who asks more often than every 300 s, and documents no limit",
                f"every = 300  # in receiver.toml, at {one.name}",
            )


def where_pages_lie(
    settings: Settings, states: Sequence[PollState], now: float
) -> Iterator[Finding]:
    """Check the disk that page files would lie on; `now` is Redis' clock (s). Where no `receiver
    poll` has made the directory and yet one looks after a poll, it has another one.
    """
    names = [one.name for one in settings.polls if isinstance(one, AttInboxPoll | AttStatusPoll)]
    directory = settings.data_dir / DIRECTORY
    polled = any(one.name in names and one.alive(now) for one in states)
    if not names or (polled and not os.path.exists(directory)):
        return
    if (kind := filesystem(directory)) in VANISHING:
        yield Finding(
            "serious",
            f"the pages of polls in {directory} lie on a file system that vanishes ({kind})",
            "what a gateway handed out and Redis has not got goes with the container or the power",
            "RECEIVER_DATA_DIR=...  # on a disk that outlives the process; then restart poll",
        )


def of_pages(settings: Settings) -> Iterator[Finding]:
    """Check this machine's page files."""
    directory = settings.data_dir / DIRECTORY
    try:
        files, count = page_files(directory), damaged(directory)
    except OSError as error:
        yield Finding(
            "warning",
            f"the pages of polls in {directory} cannot be looked at: {error.strerror}",
            "whether answers wait there that are not in Redis, nobody can say",
            "receiver doctor  # as the user that the receiver runs as",
        )
        return
    for name, found in sorted(files.items()):
        if found.oldest > _LATE:
            yield Finding(
                "serious",
                f"{found.count} answers to the poll {name} have waited on the disk for "
                f"{found.oldest:.0f} s",
                "the gateway has removed what is in them; they come out with a `receiver poll`",
                "receiver poll  # on this machine; if it runs: receiver polls list",
            )
    if count:
        yield Finding(
            "serious",
            f"{count} page files in {directory} could not be read and are set aside",
            "they hold what a gateway has removed",
            f"ls -l {quote(str(directory))}/*.damaged",
        )


def of_state(settings: Settings, states: Sequence[PollState], now: float) -> Iterator[Finding]:
    """Check how the polls stand, and where none is seen to, whether they could be with this
    environment; `now` is Redis' clock (s).
    """
    yield from how_they_stand(settings, states, now)
    if states and not any(one.alive(now) for one in states):
        for sentence in poll_problems(settings):
            what, _, fix = sentence.rpartition(": ")
            yield Finding("serious", what, "`receiver poll` refuses to start", fix)


def how_they_stand(
    settings: Settings, states: Sequence[PollState], now: float
) -> Iterator[Finding]:
    """Check the polls alone, whatever environment their process has."""
    kinds = {one.name: one.kind for one in settings.polls}
    for one in states:
        meanwhile = _MEANWHILE.get(kinds.get(one.name, ""), "what changes is not told until then")
        if not one.alive(now):
            yield Finding(
                "serious",
                f"no `receiver poll` looks after the poll {one.name}",
                meanwhile,
                "receiver poll",
            )
        elif one.trouble:
            yield Finding(
                "warning",
                f"the poll {one.name} is in trouble: {one.trouble}",
                meanwhile,
                "receiver polls list  # when it is tried next; docs/failures.md: a poll is late",
            )
        if lost := sum(one.polls.get(each, 0) for each in _LOSING):
            yield Finding(
                "note",
                f"the poll {one.name} has had {lost} answers that did not come, or not wholly",
                "messages may be lost with each, and nobody can say which",
                "docs/failures.md  # a poll is late, or in trouble; prefer push",
            )


def consents(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Check that every polled mailbox has a consent that is good for a while, and, where no
    `receiver poll` reads one, that this environment has the key to it.
    """
    yield from stored_consents(settings, found)
    names = _mailboxes(settings)
    read = any(one.name in names and one.alive(found.now) for one in found.polls)
    if names and not read and not settings.secret_keys:
        yield Finding(
            "serious",
            "RECEIVER_SECRET_KEYS is not set, and mailboxes are polled",
            "a consent is neither stored nor read without a key",
            "RECEIVER_SECRET_KEYS=...  # `openssl rand -base64 32` makes one; then restart poll",
        )


def stored_consents(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Check the consents alone, whatever environment the processes have."""
    for name in _mailboxes(settings):
        one = found.consents.get(name)
        trouble = one.trouble(found.now) if one else "was never given"
        if trouble:
            yield Finding(
                "warning" if one and one.days_left(found.now) > 0 else "serious",
                f"the consent to read the mailbox of the poll {name} {trouble}",
                "without it nothing of the mailbox comes in, and only the subscriber can give it",
                f"receiver consent {name}",
            )


def _mailboxes(settings: Settings) -> list[str]:
    return [one.name for one in settings.polls if isinstance(one, AttMessagesPoll)]


def watches(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Check that the watched messages are asked for, and accounted for."""
    if found.watch_late > _LOOK_LATE:
        yield Finding(
            "serious",
            f"the most overdue delivery status is late by {found.watch_late / 60:.0f} minutes",
            "the gateway forgets a status 30 minutes after it has become final",
            "receiver poll  # is it running? too slow: raise `rate` of the poll",
        )
    known = {one.name for one in settings.polls if isinstance(one, AttStatusPoll)}
    for one in found.watches:
        if one.open and one.poll not in known:
            yield Finding(
                "warning",
                f"{one.open} messages are watched by {one.poll}, which receiver.toml does not name",
                "nobody asks for their statuses",
                f"receiver watch list --poll {one.poll}  # drop them, or bring the poll back",
            )
        if not one.balanced:
            yield Finding(
                "warning",
                f"the counts of the messages watched by {one.poll} do not balance",
                "somebody has written into Redis by hand, or it came back with other data",
                f"receiver watch list --poll {one.poll}",
            )
