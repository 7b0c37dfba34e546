"""Which tests are asked about a change of each script, the quick ones first."""

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
_MARKS = (
    "tests/workers/test_groups_moved.py",
    "tests/workers/test_sink_groups_moved.py",
    "tests/workers/test_group_unmarked.py",
)
METRICS = "tests/metrics/test_metrics.py"
_REQUEUE = ("tests/operations/test_dead_letters.py", "tests/operations/test_replay.py")
SWEEP = (
    "tests/workers/test_sweep.py",
    "tests/workers/test_sweep_memory.py",
    "tests/workers/test_clock_ahead.py",
)
PARKING = (
    "tests/parking/test_parking.py",
    "tests/parking/test_parking_history.py",
    "tests/parking/test_parking_faults.py",
    "tests/parking/test_parking_late.py",
    "tests/parking/test_parking_disk_and_redis.py",
    "tests/parking/test_parking_killed.py",
)
_ERASURE = ("tests/erasure/test_erase.py", "tests/erasure/test_erase_elsewhere.py")
_GIVEN_UP = (
    "tests/parking/test_parking_given_up.py",
    "tests/parking/test_parking_disk_and_redis.py",
)
_REVOKED = ("tests/auth/test_revoked.py", "tests/auth/test_credential_store.py")
_WATCHES = (
    "tests/polling/test_watch_store.py",
    "tests/polling/test_statuses.py",
    "tests/polling/test_statuses_oneapi.py",
)
_SUBSCRIPTIONS = ("tests/subscriptions/test_subscription_scripts.py",)

SCRIPTS = {
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
        "tests/workers/test_take_over.py",
    ),
    "erase_deliveries.lua": _ERASURE,
    "foreign.lua": ("tests/console/test_foreign_values.py",),
    "claim_parked.lua": ("tests/parking/test_erasing_twice.py",),
    "erase_entries.lua": _ERASURE,
    "skip_parked.lua": _GIVEN_UP,
    "forget_sink.lua": (*_GIVEN_UP, "tests/workers/test_retired.py"),
    "park.lua": PARKING,
    "give_back.lua": PARKING,
    "lease.lua": (
        *_FORWARD,
        "tests/workers/test_clock_ahead.py",
        "tests/forward/test_pace.py",
        "tests/parking/test_parking.py",
        "tests/parking/test_parking_history.py",
        "tests/parking/test_parking_probed.py",
        "tests/workers/test_groups_moved.py",
        "tests/workers/test_sink_groups_moved.py",
    ),
    "settle.lua": _FORWARD,
    "create_group.lua": (*_FORWARD, *_MARKS),
    "take_over.lua": ("tests/workers/test_take_over.py",),
    "enter_group.lua": (*_MARKS, "tests/workers/test_outcomes.py"),
    "marks.lua": (*_MARKS, "tests/workers/test_outcomes.py"),
    "forget_identities.lua": ("tests/workers/test_identities.py", *SWEEP),
    "idle_times.lua": ("tests/workers/test_clock_ahead.py",),
    "identity_buckets.lua": ("tests/workers/test_identities.py",),
    "inbound_has_work.lua": (*SWEEP, *_MARKS),
    "keep_positions.lua": ("tests/workers/test_positions.py",),
    "sink_has_work.lua": ("tests/workers/test_sink_has_work.py", *SWEEP),
    "retire_sinks.lua": (
        *SWEEP,
        "tests/workers/test_sweep_moved.py",
        "tests/metrics/test_retired.py",
    ),
    "trim_history.lua": (
        *SWEEP,
        "tests/workers/test_sweep_moved.py",
        "tests/workers/test_half_way.py",
    ),
    "trim_dead_letters.lua": ("tests/workers/test_sweep_dead_letters.py",),
    "run_commands.lua": ("tests/runtime/test_full_redis_client.py",),
    "counters.lua": (
        METRICS + "::test_what_was_written_though_the_reply_was_lost_is_not_added_again",
        METRICS + "::test_a_sender_who_invents_listeners_makes_no_more_than_200_of_them",
        METRICS
        + "::test_a_listener_that_was_heard_by_a_clock_that_was_ahead_is_silent_from_then_on",
    ),
    "snapshot.lua": (
        "tests/metrics/test_snapshot.py",
        "tests/doctor/test_doctor_work.py",
        METRICS + "::test_every_process_answers_for_all_of_them",
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
    "renew_lease.lua": (
        "tests/workers/test_consumer_names.py",
        "tests/workers/test_clock_ahead.py",
    ),
    "release_lease.lua": ("tests/subscriptions/test_pauses.py",),
    "checks.lua": ("tests/workers/test_half_way.py",),
    "clock.lua": SWEEP,
    "entry_ids.lua": (*SWEEP, "tests/workers/test_sweep_dead_letters.py", *_ERASURE),
    "groups.lua": ("tests/workers/test_outcomes.py", *SWEEP, *_REQUEUE, *_FORWARD),
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
    "erase_watches.lua": ("tests/erasure/test_erase_watched.py",),
    "tell_spool.lua": ("tests/erasure/test_erase_spool.py", "tests/erasure/test_erase_twice.py"),
    "write_consent.lua": ("tests/polling/test_consent_token.py",),
    "write_progress.lua": ("tests/polling/test_mailbox.py", "tests/polling/test_mailbox_poll.py"),
    "commit.lua": _SUBSCRIPTIONS,
    "delete_credentials.lua": _SUBSCRIPTIONS,
    "record_change.lua": ("tests/subscriptions/test_strange_values.py",),
    "acquire_lease.lua": _SUBSCRIPTIONS,
    "mark_controller.lua": _SUBSCRIPTIONS,
}
