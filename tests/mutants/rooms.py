"""Which files a room has, and which tests are asked about them. When files move, change this."""

from typing import NamedTuple


class Room(NamedTuple):
    """Globs of source files, and the tests that would notice a change of theirs.

    Of `tests` only those run that come by the changed line in their own process; those in
    `always`, which start processes or run scripts in a server, run after them. A script has its
    own, under the name of its file in `scripts`.
    """

    sources: tuple[str, ...]
    tests: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    scripts: dict[str, tuple[str, ...]] = {}  # noqa: RUF012 - never changed


_IDENTITIES = (
    "receiver/carriers/identity.py",
    "receiver/carriers/formats/placeholder_id.py",
    "workers/normalise/cloudevent.py",
    "workers/normalise/decide.py",
)
_FORWARD = (
    "tests/forward/test_forward_local.py",
    "tests/forward/test_forward_http.py",
    "tests/forward/test_forward_http_circuit.py",
    "tests/forward/test_rq_sinks.py",
    "tests/workers/test_settle.py",
)
_REQUEUE = ("tests/operations/test_dead_letters.py", "tests/operations/test_replay.py")
_SWEEP = ("tests/workers/test_sweep.py",)

ROOMS = {
    "carriers": Room(("receiver/carriers/**/*.py",), ("tests/carriers",), without=_IDENTITIES),
    "identities": Room(
        _IDENTITIES,
        (
            "tests/carriers/test_identity.py",
            "tests/carriers/test_identities_kept.py",
            "tests/carriers/test_placeholder_id.py",
            "tests/workers/test_cloudevent.py",
            "tests/workers/test_outcome.py",
        ),
        ("tests/workers/test_outcomes.py",),
    ),
    "scripts": Room(
        ("receiver/**/*.lua", "workers/**/*.lua"),
        scripts={
            "append.lua": ("tests/intake/test_append.py", "tests/intake/test_intake.py"),
            "publish.lua": (
                "tests/workers/test_outcomes.py",
                "tests/workers/test_identities.py",
                "tests/workers/test_half_way.py",
            ),
            "lease.lua": _FORWARD,
            "settle.lua": _FORWARD,
            "create_group.lua": _FORWARD,
            "enter_group.lua": ("tests/workers/test_groups_moved.py",),
            "marks.lua": ("tests/workers/test_groups_moved.py", "tests/workers/test_outcomes.py"),
            "forget_identities.lua": ("tests/workers/test_identities.py", *_SWEEP),
            "inbound_has_work.lua": _SWEEP,
            "sink_has_work.lua": _SWEEP,
            "retire_sinks.lua": _SWEEP,
            "trim_history.lua": _SWEEP,
            "counters.lua": ("tests/metrics/test_metrics.py",),
            "snapshot.lua": ("tests/metrics/test_metrics.py",),
            "ledger.lua": (
                "tests/workers/test_outcomes.py",
                "tests/operations/test_dead_letters.py",
            ),
            "requeue.lua": _REQUEUE,
            "reopen_notification.lua": _REQUEUE,
            "drop_dead_letter.lua": _REQUEUE,
            "revoke.lua": ("tests/auth/test_revoked.py",),
            "revoke_again.lua": ("tests/auth/test_revoked.py",),
            "record_loss.lua": ("tests/health/test_losses.py",),
            "renew_lease.lua": ("tests/workers/test_clock_ahead.py",),
            "checks.lua": ("tests/workers/test_half_way.py",),
            "clock.lua": _SWEEP,
            "groups.lua": (*_SWEEP, "tests/operations/test_dead_letters.py"),
            "restore_group.lua": ("tests/workers/test_groups_moved.py",),
            "sink_ledger.lua": (
                "tests/cli/test_sinks_command.py",
                "tests/forward/test_forward_local.py",
            ),
        },
    ),
    "credentials": Room(
        ("receiver/auth/*.py",),
        ("tests/auth",),
        ("tests/web/test_answers.py",),
    ),
    "web": Room(
        ("receiver/web/*.py", "receiver/intake/accept.py"),
        ("tests/web/test_wire.py", "tests/web/test_requests.py", "tests/web/test_at_once.py"),
        (
            "tests/web/test_answers.py",
            "tests/web/test_body_cap.py",
            "tests/web/test_openapi.py",
            "tests/web/test_slow_bodies.py",
        ),
    ),
}
