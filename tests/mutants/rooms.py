"""Which files a room has, and which tests are asked about them. When files move, change this."""

from typing import NamedTuple


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
_FORWARD = (
    "tests/workers/test_settle.py",
    "tests/workers/test_half_way.py",
    "tests/forward/test_forward_clocks.py",
    "tests/forward/test_forward_http.py",
    "tests/forward/test_forward_http_circuit.py",
    "tests/forward/test_forward_http_probe.py",
    "tests/forward/test_forward_local.py",
    "tests/forward/test_forward_refused.py",
    "tests/forward/test_rq_sinks.py",
)
_MARKS = ("tests/workers/test_groups_moved.py", "tests/workers/test_group_unmarked.py")
_MAILBOX = (
    "tests/polling/test_mailbox.py",
    "tests/polling/test_mailbox_relist.py",
)
_METRICS = "tests/metrics/test_metrics.py"
_REPEATS = "tests/operations/test_explain_repeats.py"
_REQUEUE = ("tests/operations/test_dead_letters.py", "tests/operations/test_replay.py")
_SWEEP = (
    "tests/workers/test_sweep.py",
    "tests/workers/test_sweep_memory.py",
    "tests/workers/test_clock_ahead.py",
)
_PARKING = (
    "tests/parking/test_parking.py",
    "tests/parking/test_parking_faults.py",
    "tests/parking/test_parking_disk_and_redis.py",
    "tests/parking/test_parking_killed.py",
)
_AUTH = "tests/auth/test_credentials_of_processes.py"
_ERASURE = ("tests/erasure/test_erase.py",)
_GIVEN_UP = (
    "tests/parking/test_parking_given_up.py",
    "tests/parking/test_parking_disk_and_redis.py",
)
_REVOKED = ("tests/auth/test_revoked.py", "tests/auth/test_credential_store.py")
_STRANGERS = "tests/web/test_strangers.py"
_SUBSCRIBED = "tests/auth/test_subscription_credentials.py"
_TRACED = "tests/runtime/test_tracing.py"
_WATCHES = ("tests/polling/test_watch_store.py", "tests/polling/test_statuses.py")
_SUBSCRIPTIONS = ("tests/subscriptions/test_subscription_scripts.py",)

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
        scripts={
            "append.lua": (
                "tests/intake/test_append.py",
                "tests/intake/test_intake.py",
                "tests/intake/test_redis_refusals.py",
            ),
            "publish.lua": (
                "tests/workers/test_outcomes.py",
                "tests/workers/test_identities.py",
                "tests/workers/test_half_way.py",
                "tests/workers/test_clock_ahead.py",
            ),
            "erase_deliveries.lua": _ERASURE,
            "foreign.lua": ("tests/console/test_foreign_values.py",),
            "claim_parked.lua": ("tests/parking/test_erasing_twice.py",),
            "erase_entries.lua": _ERASURE,
            "skip_parked.lua": _GIVEN_UP,
            "forget_sink.lua": (*_GIVEN_UP, "tests/workers/test_retired.py"),
            "park.lua": _PARKING,
            "give_back.lua": _PARKING,
            "lease.lua": (
                *_FORWARD,
                "tests/workers/test_clock_ahead.py",
                "tests/forward/test_pace.py",
                "tests/parking/test_parking.py",
                "tests/parking/test_parking_probed.py",
                "tests/workers/test_groups_moved.py",
            ),
            "settle.lua": _FORWARD,
            "create_group.lua": (*_FORWARD, *_MARKS),
            "take_over.lua": ("tests/workers/test_take_over.py",),
            "enter_group.lua": (*_MARKS, "tests/workers/test_outcomes.py"),
            "marks.lua": (*_MARKS, "tests/workers/test_outcomes.py"),
            "forget_identities.lua": ("tests/workers/test_identities.py", *_SWEEP),
            "idle_times.lua": ("tests/workers/test_clock_ahead.py",),
            "identity_buckets.lua": ("tests/workers/test_identities.py",),
            "inbound_has_work.lua": (*_SWEEP, *_MARKS),
            "keep_positions.lua": ("tests/workers/test_positions.py",),
            "sink_has_work.lua": ("tests/workers/test_sink_has_work.py", *_SWEEP),
            "retire_sinks.lua": (
                *_SWEEP,
                "tests/workers/test_sweep_moved.py",
                "tests/metrics/test_retired.py",
            ),
            "trim_history.lua": (
                *_SWEEP,
                "tests/workers/test_sweep_moved.py",
                "tests/workers/test_half_way.py",
            ),
            "trim_dead_letters.lua": ("tests/workers/test_sweep_dead_letters.py",),
            "run_commands.lua": ("tests/runtime/test_full_redis_client.py",),
            "counters.lua": (
                _METRICS + "::test_what_was_written_though_the_reply_was_lost_is_not_added_again",
                _METRICS + "::test_a_sender_who_invents_listeners_makes_no_more_than_200_of_them",
            ),
            "snapshot.lua": (
                "tests/metrics/test_snapshot.py",
                "tests/doctor/test_doctor_work.py",
                _METRICS + "::test_every_process_answers_for_all_of_them",
            ),
            "ledger.lua": (
                "tests/workers/test_outcomes.py",
                "tests/operations/test_dead_letters.py",
            ),
            "requeue.lua": (*_REQUEUE, "tests/workers/test_half_way.py"),
            "reopen_notification.lua": (*_REQUEUE, "tests/workers/test_half_way.py"),
            "drop_dead_letter.lua": (*_REQUEUE, "tests/workers/test_half_way.py"),
            "revoke.lua": _REVOKED,
            "revoke_again.lua": _REVOKED,
            "change_credential.lua": ("tests/auth/test_credentials.py",),
            "record_loss.lua": ("tests/health/test_losses.py",),
            "clear_losses.lua": ("tests/cli/test_losses_command.py",),
            "renew_lease.lua": ("tests/workers/test_clock_ahead.py",),
            "checks.lua": ("tests/workers/test_half_way.py",),
            "clock.lua": _SWEEP,
            "entry_ids.lua": (*_SWEEP, "tests/workers/test_sweep_dead_letters.py", *_ERASURE),
            "groups.lua": ("tests/workers/test_outcomes.py", *_SWEEP, *_REQUEUE, *_FORWARD),
            "restore_group.lua": _MARKS,
            "sample_history.lua": ("tests/workers/test_history.py",),
            "store_attempts.lua": ("tests/forward/test_delivery_attempts.py",),
            "sink_ledger.lua": (
                *_MARKS,
                *_FORWARD,
                "tests/doctor/test_doctor_work.py",
                "tests/cli/test_sinks_command.py",
            ),
            "record.lua": ("tests/polling/test_inbox_poll.py",),
            "add_watch.lua": _WATCHES,
            "claim_watches.lua": _WATCHES,
            "settle_watch.lua": _WATCHES,
            "write_consent.lua": ("tests/polling/test_consent_token.py",),
            "commit.lua": _SUBSCRIPTIONS,
            "delete_credentials.lua": _SUBSCRIPTIONS,
            "acquire_lease.lua": _SUBSCRIPTIONS,
            "mark_controller.lua": _SUBSCRIPTIONS,
        },
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
            "tests/web/test_requests.py",
            _STRANGERS,
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
            _METRICS + "::test_every_process_answers_for_all_of_them",
            "tests/docs/test_adding.py::test_what_is_not_signed_is_401_and_leaves_a_count_only",
            "tests/cli/test_up.py::test_the_processes_of_a_killed_web_server_end_and_free_the_port",
        ),
    ),
    "parking": Room(
        ("workers/parking/*.py",),
        (
            "tests/parking/test_segment.py",
            "tests/parking/test_parked_files.py",
            "tests/parking/test_memory_use.py",
            "tests/parking/test_erasing.py",
            "tests/parking/test_erasing_trouble.py",
            *_PARKING,
        ),
        (
            "tests/parking/test_parking_killed.py",
            "tests/parking/test_parking_processes.py",
            "tests/doctor/test_doctor_parking.py",
        ),
    ),
}
