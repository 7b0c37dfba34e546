"""Which files a room has, and which tests are asked about them. When files move, change this."""

from typing import NamedTuple

from tests.mutants.scripts import METRICS, PARKING, SCRIPTS, SWEEP


class Room(NamedTuple):
    """Globs of source files, and the tests that would notice a change of theirs.

    Of `tests` only those run that come by the changed line in their own process; those in
    `always`, which start processes or run scripts in a server, run after them. A script has its
    own, under the name of its file in `scripts`, the quick ones first. A test is named by its
    folder, its file, or both and its function.
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
_MAILBOX = ("tests/polling/test_mailbox.py", "tests/polling/test_mailbox_relist.py")
_AUTH = "tests/auth/test_credentials_of_processes.py"
_STRANGERS = "tests/web/test_strangers.py"
_SUBSCRIBED = "tests/auth/test_subscription_credentials.py"
_TRACED = "tests/runtime/test_tracing.py"

ROOMS = {
    "carriers": Room(
        ("receiver/carriers/**/*.py",),
        ("tests/carriers", *_MAILBOX),
        without=_IDENTITIES,
    ),
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
        scripts=SCRIPTS,
    ),
    "credentials": Room(
        ("receiver/auth/*.py",),
        ("tests/auth",),
        (
            "tests/auth/test_credentials.py",
            _AUTH,
            "tests/web/test_answers.py",
            "tests/web/test_refused_bodies.py",
        ),
    ),
    "web": Room(
        ("receiver/web/*.py", "receiver/intake/accept.py"),
        (
            "tests/web/test_admission.py",
            "tests/web/test_wire.py",
            "tests/web/test_wire_deadlines.py",
            "tests/web/test_requests.py",
            _STRANGERS,
            "tests/web/test_strangers_cost.py",
            "tests/web/test_overload.py",
            "tests/web/test_slow_bodies.py",
            "tests/web/test_server.py",
        ),
        (
            "tests/web/test_server.py::test_each_of_several_web_processes_logs_json_lines",
            "tests/web/test_answers.py",
            "tests/web/test_refused_bodies.py",
            "tests/web/test_requests.py",
            "tests/web/test_at_once.py",
            "tests/web/test_body_cap.py",
            "tests/web/test_private_mailboxes.py",
            _STRANGERS + "::test_a_limit_of_open_files_below_the_bound_is_said_and_kept_to",
            _STRANGERS + "::test_a_limit_of_open_files_that_may_be_raised_is_raised",
            _SUBSCRIBED + "::test_it_is_looked_up_for_a_body_that_comes_later_too",
            _SUBSCRIBED + "::test_a_credential_that_was_made_a_moment_ago_admits_its_first_event",
            _TRACED + "::test_one_notification_is_one_trace_from_the_web_process_to_each_delivery",
            _TRACED + "::test_what_is_refused_or_repeated_says_so",
            _AUTH + "::test_a_refusal_that_cannot_be_kept_is_answered_503",
            METRICS + "::test_every_process_answers_for_all_of_them",
            "tests/docs/test_adding.py::test_what_is_not_signed_is_401_and_leaves_a_count_only",
            "tests/cli/test_up.py::test_the_processes_of_a_killed_web_server_end_and_free_the_port",
        ),
    ),
    "forward": Room(
        ("workers/forward/*.py",),
        ("tests/forward", "tests/workers/test_settle.py", "tests/workers/test_group_unmarked.py"),
        ("tests/cli/test_sink_trial.py",),
    ),
    "maintenance": Room(
        ("workers/maintenance/*.py",),
        (
            *SWEEP,
            "tests/workers/test_history.py",
            "tests/workers/test_positions.py",
            "tests/workers/test_retired.py",
            "tests/workers/test_sink_has_work.py",
            "tests/workers/test_sweep_apart.py",
            "tests/workers/test_sweep_dead_letters.py",
            "tests/workers/test_sweep_moved.py",
            "tests/workers/test_sweep_readers.py",
        ),
    ),
    "outbound": Room(
        ("receiver/outbound/*.py", "receiver/intake/redis_protocol.py"),
        ("tests/outbound", "tests/cli/test_status.py", "tests/intake/test_redis_protocol.py"),
    ),
    "erasure": Room(
        ("receiver/erasure/*.py",),
        ("tests/erasure", "tests/parking/test_erasing.py", "tests/parking/test_erasing_twice.py"),
    ),
    "operations": Room(
        ("receiver/operations/*.py",),
        ("tests/operations", "tests/metrics/test_snapshot.py", "tests/workers/test_half_way.py"),
    ),
    "parking": Room(
        ("workers/parking/*.py",),
        (
            "tests/parking/test_segment.py",
            "tests/parking/test_parked_files.py",
            "tests/parking/test_parked_files_damaged.py",
            "tests/parking/test_memory_use.py",
            "tests/parking/test_erasing.py",
            "tests/parking/test_erasing_trouble.py",
            *PARKING,
        ),
        (
            "tests/parking/test_parking_killed.py",
            "tests/parking/test_parking_processes.py",
            "tests/doctor/test_doctor_parking.py",
        ),
    ),
}
