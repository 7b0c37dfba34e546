"""What the environment lacks of what `receiver.toml` names: why a process cannot work."""

from receiver.config import operators, polls, sinks
from receiver.config.fault import shown
from receiver.config.settings import Settings


def problems(settings: Settings) -> list[str]:
    """Return what prevents a worker with these settings from working: one line each, with what to
    do. An operator without its secret does not: its controller waits, and says so.
    """
    return [
        f"sink {sink.name!r}: the environment variable {shown(name)} {wrong}"
        for sink in settings.sinks
        for name, wrong in sorted(sinks.variable_faults(sink, settings.sink_variables).items())
    ] + [
        f'sink {sink.name!r}: when_full = "park" needs a directory: set RECEIVER_PARK_DIR'
        for sink in settings.sinks
        if sink.when_full == "park" and not settings.park_dir
    ]


def poll_problems(settings: Settings) -> list[str]:
    """Return what prevents `receiver poll` with these settings from polling: one line each, with
    what to do.
    """
    values = settings.poll_variables
    asked = {one.operator for one in settings.polls if isinstance(one, polls.CamaraDevicePoll)}
    return [
        f"poll {one.name!r}: the environment variable {shown(name)} {wrong}"
        for one in settings.polls
        for name, wrong in sorted(polls.variable_faults(one, values).items())
    ] + [
        f"operator {one.name!r}: the environment variable {shown(name)} "
        f"{wrong.replace('receiver worker', 'receiver poll')}"
        for one in settings.operators
        if one.name in asked
        for name, wrong in sorted(
            operators.variable_faults(one, settings.operator_variables).items()
        )
    ]
