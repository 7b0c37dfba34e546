"""Checks the spool of this machine."""

from collections.abc import Iterator
from shlex import quote

from receiver.config.settings import Settings
from receiver.doctor.finding import Finding
from receiver.intake.spool import location
from receiver.intake.spool.depth import LATE, age


def check_spool(settings: Settings, *, redis_answers: bool) -> Iterator[Finding]:
    """Check the spool; only where Redis answers it should not hold notifications for long."""
    if settings.spool_dir is None:
        return
    directory = quote(str(settings.spool_dir))
    ours = quote(str(location.own(settings.spool_dir)))
    contents = location.look(settings.spool_dir)
    for sentence in location.faults(contents.damaged, {}):
        yield Finding(
            "serious",
            sentence,
            "they were acknowledged, and no network sends them again",
            f"ls -l {ours}  # docs/failures.md: the spool is damaged",
        )
    for sentence in location.faults({}, contents.unreadable):
        yield Finding(
            "serious",
            sentence,
            "what may be in it was acknowledged, and is not published",
            f"ls -l {directory} {ours}",
        )
    if redis_answers and (waited := age(contents.depth)) > LATE:
        yield Finding(
            "warning",
            f"{contents.depth.notifications} notifications have waited in the spool for "
            f"{waited:.0f} s",
            "Redis answers, and they do not get there: no web process runs, or one fails",
            "receiver web  # on this machine; if it runs: curl its /readyz",
        )
