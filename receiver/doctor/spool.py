"""Check of the spool of this machine."""

from collections.abc import Iterator

from receiver.config.settings import Settings
from receiver.doctor.finding import Finding
from receiver.intake.spool import location
from receiver.intake.spool.depth import LATE, age


def spooled(settings: Settings, *, redis_answers: bool) -> Iterator[Finding]:
    """Check the spool; where Redis does not answer, waiting notifications are expected."""
    if settings.spool_dir is None:
        return
    seen = location.look(settings.spool_dir)
    for sentence in location.faults(seen.damaged, {}):
        yield Finding(
            "serious",
            sentence,
            "they were acknowledged, and no network sends them again",
            f"ls -l {location.own(settings.spool_dir)}  # docs/failures.md: the spool is damaged",
        )
    for sentence in location.faults({}, seen.unreadable):
        yield Finding(
            "serious",
            sentence,
            "what may be in it was acknowledged, and does not come out",
            f"ls -l {settings.spool_dir} {location.own(settings.spool_dir)}",
        )
    if redis_answers and (waited := age(seen.depth)) > LATE:
        yield Finding(
            "warning",
            f"{seen.depth.notifications} notifications have waited in the spool for {waited:.0f} s",
            "Redis answers, and they do not get there: no web process runs, or one is in trouble",
            "receiver web  # on this machine; if it runs: curl its /readyz",
        )
