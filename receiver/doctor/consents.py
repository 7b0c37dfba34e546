"""Check of subscribers' consents."""

from collections.abc import Iterator

from receiver.config.polls import AttMessagesPoll
from receiver.config.settings import Settings
from receiver.doctor.finding import Finding
from receiver.metrics.snapshot import Snapshot


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
