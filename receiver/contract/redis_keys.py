"""The names of everything stored in Redis: streams, hashes, consumer groups, queues, jobs."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

INBOUND: Final = "receiver:inbound"
"""Stream of raw notifications: one field, `n`, an encoded `Notification`."""
EVENTS: Final = "receiver:events"
"""Stream of normalised events: one field, `event`, a CloudEvents 1.0 JSON document."""
DEAD_LETTERS: Final = "receiver:dead-letters"
"""Stream of what could not be normalised or delivered, with the reason."""
DEAD_LETTER_OWNERS: Final = "receiver:dead-letters:owners"
"""Hash: owner of dead letters, `notifications` or `sink:<name>` -> how many it has, and `indexed`,
the last letter of which that is known. With `:<owner>` after it the stream of the ids of its
letters. All of it is the sweep's (`workers/maintenance/trim_dead_letters.lua`)."""
REJECTED: Final = "receiver:rejected"
"""Stream of authentic requests that were refused: one field, `r`, an encoded `Refusal`."""
LEDGER: Final = "receiver:ledger"
"""Hash of counts, each changed in the script that makes it true."""
BOOK: Final = "receiver:book"
"""Name of the ledger: another one is a Redis that came back empty."""
LOSSES: Final = "receiver:losses"
"""Hash: a server's life -> how many notifications, at least, it no longer knew of."""
MARKS: Final = "receiver:marks"
"""Hash: consumer group of ours -> what it has done with, as `workers/marks.lua` writes it;
`<group>:added` how many entries its stream had ever been given when that was last looked at: one
with fewer is another stream, and the mark goes (`workers/restore_group.lua`); `<group>:moves` how
often somebody had destroyed or moved it, `<group>:moved` when that was last noticed (seconds since
1970)."""
POSITIONS: Final = "receiver:positions"
"""Hash: stream and consumer group, a blank between them -> where the group last stood and how many
entries it had read then (`workers/maintenance/keep_positions.lua`)."""
BELL: Final = "receiver:bell"
"""Flag: somebody has rung for the normalise job and it has not begun yet."""
IDENTITIES: Final = "receiver:seen"
"""Prefix of the sets of known identities, and the hash that says how they are split."""
ATTEMPTS: Final = "receiver:attempts"
"""Hash: inbound entry id -> how often it was begun alone without the process coming back."""
CREDENTIALS: Final = "receiver:credentials"
"""Hash: SHA-256 of a bearer token (hex) -> the credential as JSON."""
CREDENTIALS_REVISION: Final = "receiver:credentials:revision"
"""Counts the changes to `CREDENTIALS`: a lower one is that of a server which lost some."""
CREDENTIALS_REVOKED: Final = "receiver:credentials:revoked"
"""Set of SHA-256 (hex), gone thirty days after the last revocation: what a web process may forget
although its server has come back without credentials that it knew."""
CREDENTIALS_USED: Final = "receiver:credentials:used"
"""Hash: SHA-256 of a bearer token (hex) -> when it was last admitted, seconds since 1970."""
TURNED_AWAY: Final = "receiver:turned-away"
"""Hash: callback and reason -> how many requests left no more than this count."""
METER: Final = "receiver:meter"
"""Hash of what processes count and time by themselves, named as in `receiver.metrics.counters`."""
HEARD: Final = "receiver:heard"
"""Hash: listener -> when a notification for it was last acknowledged, milliseconds since 1970."""
WEB_PORT: Final = "receiver:web:port"
"""Where the web process that began last listens: said where 127.0.0.1 leads to it."""
HISTORY: Final = "receiver:history"
"""Stream of samples, one for each minute of the last 48 hours: one field, `s`, an encoded `Sample`.
The id is `<start of the minute, ms>-0`."""
GROUP: Final = "normalise"
"""Consumer group of the normalise workers on `INBOUND`."""
NORMALISE_QUEUE: Final = "receiver-normalise"
"""RQ queue of the bell's jobs."""
NORMALISE_JOB: Final = "workers.normalise.run"
"""Dotted name of the normalise job; the edge names it and never imports it."""

SINKS: Final = "receiver:sinks"
"""Hash of counts per sink, each changed in the script that makes it true: `<sink>:delivered`,
`:filtered`, `:dead`, `:shed`, `:parked_damaged`, `:erased`, `:replayed`, `:failed_attempts`;
`:begun` is what the stream had taken before the sink began, `:configured` when a supervisor last
knew it (ms), and `:parks`, `:sheds` or `:holds` when one last had that for what exceeds its share.
For every sink the events since `begun` plus `replayed` are `delivered`, `filtered`, `dead`, `shed`
(let go), `parked_damaged` (parked, and did not come back), `erased`, parked (`sink_parking`), or
open."""
DELIVERIES: Final = "receiver:deliveries"
"""Stream of failed attempts to deliver, of all sinks: one field, `a`, an encoded `Attempt`."""
RETIRED_SECONDS: Final = 24 * 3600
"""How long a sink that no supervisor knows any more holds its events."""
FORWARD_JOB: Final = "workers.forward.run"
"""Dotted name of the job behind each sink's queue."""

SUBSCRIPTIONS: Final = "receiver:subscriptions"
"""Hash: slot -> record as a JSON array (`receiver.subscriptions.slots.Slot`, in the order of its
fields): what is wanted for one device and event type, and the attempts at it that still matter."""
SUBSCRIPTION_IDS: Final = "receiver:subscriptions:ids"
"""Hash: `<operator> <id of the operator's>` -> `<slot> <attempt>`; kept as long as the attempt's
credential, so that a notice of the end finds its slot."""
SUBSCRIPTION_ATTEMPTS: Final = "receiver:subscription-attempts"
"""Hash: attempt -> JSON array `[operator, set, slot, generation]`, of every attempt whose
credential is stored. `set` and `generation` are what its events carry."""
SUBSCRIPTION_SETS: Final = "receiver:subscriptions:sets"
"""Hash: `<set>:stopped` why nothing is created for a set any more, `<set>:stopped_until` how long
and `<set>:stopped_at` at which operator, `<set>:devices` why its devices cannot be read,
`<set>:deletions` how many deletions wait for `apply --yes`, `<set>:gap_seconds`, `<set>:deaf`,
`<set>:ended`, `<set>:renewed` and `<set>:failed:<reason>` counts; absent where there is nothing to
say."""
SUBSCRIPTION_CREDENTIALS: Final = "receiver:subscription-credentials"
"""Hash: SHA-256 (hex) of a token that begins with `SUBSCRIPTION_PREFIX` -> JSON object: `label`
(the set), `listener`, `expires` (seconds since 1970), `attempt`, its `generation` and its `slot`.
Changed only in scripts that note the change in `SUBSCRIPTION_CREDENTIALS_CHANGES` too."""
SUBSCRIPTION_CREDENTIALS_CHANGES: Final = "receiver:subscription-credentials:changes"
"""Sorted set: SHA-256 (hex) -> revision of its latest change. A reader that knows revision n asks
for `(n +inf`; of those that it finds, the ones without a record are gone. A member stays
an hour after its record has gone."""
SUBSCRIPTION_CREDENTIALS_REVISION: Final = "receiver:subscription-credentials:revision"
"""Counts those changes: a lower one than before is that of a server which lost some."""
SUBSCRIPTION_PREFIX: Final = "rs1_"
"""What the tokens of subscriptions begin with; they are made in `receiver.subscriptions` only, and
never stored."""

CONSOLE: Final = "receiver:console"
"""Prefix of what the console stores: `:link:` and `:session:` with a SHA-256 (hex) after them,
`:mask-key`, and `:port`, where the console that was started last listens."""
CONSOLE_SESSION: Final = f"{CONSOLE}:session:"
CONSOLE_SESSION_SECONDS: Final = 12 * 3600
"""After which a session's key goes."""
CONSOLE_AUDIT: Final = "receiver:console:audit"
"""Stream of what people did in the console: one field, `a`, a `receiver.console.audit.Entry` as
JSON."""
CONSENTS: Final = "receiver:consents"
"""Hash: poll of a mailbox -> the subscriber's consent as JSON
(`receiver.polling.mailbox.consent_record.Consent`), its tokens encrypted."""
WATCH: Final = "receiver:watch"
"""Stream of messages whose delivery statuses are wanted, written by the company: fields `id` (the
message id), `poll` (a poll of kind att-status) and, if wanted, `sender` (for OneAPI's path). What
has been taken from it is deleted."""
WATCHES: Final = "receiver:watches"
"""Hash: `<poll> <message id>` -> record as JSON (`receiver.polling.watch.Watch`) of every message
that is being watched."""
WATCH_COUNTS: Final = "receiver:watches:counts"
"""Hash of counts, each changed in the script that makes it true: `<poll>:watched`, `:final`,
`:gone`, `:expired`, `:dropped`, and `:same` (answers that said nothing new). Of every poll
`watched` is `final` plus `gone` plus `expired` plus `dropped`, and what is open."""

SPOOLS: Final = "receiver:spools"
"""Hash: name of a spool's directory (it is kept in it, so it moves with the disk) -> JSON array
`[host, when a web process that has it was last heard (seconds since 1970)]`. One that was left
empty is taken out, and one that nobody has had for `SPOOL_FORGOTTEN_SECONDS`."""
SPOOL_FORGOTTEN_SECONDS: Final = 30 * 24 * 3600
ERASE_SPOOLED: Final = "receiver:erase-spooled"
"""Hash by which `receiver erase` asks every web process to erase in its spool: `request`, an
encoded `EraseSpooled`; and `<spool> <process>` -> what that one answers, an encoded `SpoolErased`.
One run asks after the other. It ends after `ERASE_SPOOLED_SECONDS`: it names a person."""
ERASE_SPOOLED_SECONDS: Final = 90
ERASE_RUNS: Final = "receiver:erase-runs"
"""Hash: random name of a run of `receiver erase` that has not ended -> when it began (seconds since
1970, Redis' clock). It ends `ERASE_RUN_SECONDS` after the last one began."""
ERASE_RUN_SECONDS: Final = 24 * 3600

NORMALISE_OPTIONS: Final = {
    "description": "normalise",
    "job_timeout": 60,
    "result_ttl": 60,
    "failure_ttl": 86400,
}
"""How a bell's job is enqueued: no argument, no personal data, nothing kept for ever."""
WORKER_SECONDS: Final = 20
"""RQ's `worker_ttl` of our workers: what it keeps of one is there for a minute longer after each
heartbeat."""


def forward_group(sink: str) -> str:
    """Return the consumer group of a sink's forward workers on `EVENTS`."""
    return f"forward:{sink}"


def forward_queue(sink: str) -> str:
    """Return the RQ queue of a sink's bell."""
    return f"receiver-forward-{sink}"


def forward_bell(sink: str) -> str:
    """Return the key of the flag that a sink's forward job is enqueued and has not started yet."""
    return f"receiver:bell:{sink}"


def retry_due(sink: str) -> str:
    """Return the sorted set of a sink's deliveries: delivery -> when it is due (ms, Redis' clock).

    A delivery is named by its entry on `EVENTS`. To have an event delivered again, write
    `retry_items` (HSETNX) and this (ZADD NX) together, and if the name was new count
    `<sink>:replayed` on `SINKS`. The sweep rings for what is due.
    """
    return f"receiver:retry:{sink}"


def retry_items(sink: str) -> str:
    """Return the hash of a sink's deliveries: delivery -> encoded `Delivery`. Its fields are
    exactly the members of `retry_due`.
    """
    return f"receiver:retry-items:{sink}"


def sink_deliveries(sink: str) -> str:
    """Return the stream of a sink's newest attempts, failed or not: entries as on `DELIVERIES`."""
    return f"{DELIVERIES}:{sink}"


def sink_state(sink: str) -> str:
    """Return the hash of a sink's state: `stopped` (the reason; HDEL starts the sink again) and
    `stopped_at`; of its circuit breaker `failures` in a row, `opened` times in a row, `open_until`
    (ms), `probing` (the delivery that asks whether the consumer is back, at most until then),
    `down_since` (ms), `paused_until` (ms) where it asked for a pause; `refused`, why, where its
    last answer was a refusal; `refused_at` of the latest refusal after which nothing was taken,
    `took_at` of the latest event that was taken after a refusal or a failure (ms, of refusals no
    two the same).
    """
    return f"receiver:sink:{sink}"


def refused_at(sink: str) -> str:
    """Return the hash of a sink's deliveries that its consumer has refused: delivery -> when that
    was last (ms, comparable with `took_at` of `sink_state`).
    """
    return f"receiver:refused:{sink}"


def sink_parking(sink: str) -> str:
    """Return the hash of a sink's events that are parked on disk. They are numbered as they are
    parked: `total` is the number of the next, `returned` of the next to come back; what is between
    is parked, the first of them `since` (ms). `place` names the directory that has them, `host` its
    machine; `to` and `returned_to` are the last entries that were parked and that came back;
    `bytes` on the disk; `due` the latest score in `retry_due` of what came back; `seen` when the
    directory's worker last looked (ms), and `trouble` why it could not park or return; `damaged`
    when some did not come back last (ms); `turn`, in which alone what was sent may park. Absent
    where nothing was ever parked.
    """
    return f"receiver:parking:{sink}"


def erase_parked(sink: str) -> str:
    """Return the hash by which `receiver erase` asks whoever has a sink's parked events on its disk
    to erase some. Each person has the fields of `erase_parked_fields`. It ends
    `ERASE_PARKED_SECONDS` after the last request: it names people.
    """
    return f"receiver:erase-parked:{sink}"


def erase_parked_fields(person: str) -> list[str]:
    """Return the fields of `erase_parked` about one person, in this order: `request`, an encoded
    `EraseParked`, which is `began` too once that worker has heard of it, and `answered` at the end;
    how many events were `erased` that no report has counted yet; the last `file` that they count
    for, which was written anew after that; and how many parts of the files are `unread`, or cannot
    be written.
    """
    return [f"{one} {person}" for one in _ERASE_PARKED]


ERASE_PARKED_SECONDS: Final = 900
_ERASE_PARKED: Final = ("request", "began", "answered", "erased", "file", "unread")


def subscriptions_due(operator: str, rank: int) -> str:
    """Return the sorted set of an operator's slots: slot -> when it has work (ms, Redis' clock).

    Rank 0: what lives and ends; 1: what has ended and is to be created anew; 2: what is to be
    created for the first time; 3: what is to be deleted.
    """
    return f"receiver:subscriptions:due:{operator}:{rank}"


def subscriptions_last_events(operator: str) -> str:
    """Return the hash of an operator's slots: slot -> JSON array of when its last event came
    (seconds since 1970), its kind and the state that it stated.
    """
    return f"receiver:subscriptions:last-events:{operator}"


def subscriptions_lease(operator: str) -> str:
    """Return the key of an operator's lease: its holder is the one controller of the operator, and
    every script of a controller checks it.
    """
    return f"receiver:subscriptions:lease:{operator}"


def subscriptions_orders(operator: str) -> str:
    """Return the list of orders from commands to the controller, as JSON; the controller removes
    each order it has carried out.
    """
    return f"receiver:subscriptions:orders:{operator}"


def subscriptions_state(operator: str) -> str:
    """Return the hash of a controller's state: `read` (the last entry of `EVENTS` it has read),
    `renewal` (`replace` where the operator refuses a second subscription), `quota_until`,
    `circuit_open` (since when), `orphans` (JSON), `orphans_searched` (when last), `shared` (when
    another receiver was last seen to replace subscriptions of ours), `trouble` (in words), `seen`
    (when the controller last completed a round), `controller` (its owner), `public_url`,
    `reachability` and `roaming` (the URLs that it makes subscriptions with),
    `credentials_complete` (when the operator's lists last showed no living subscription of ours
    without a stored credential), `sets` (JSON, `receiver.subscriptions.set_state`),
    `requests:<status>` counts, `refused:<subscription>` (why an order about it was not done, until
    the command has read it), `succeeded` (the last 2xx) and `seconds_ahead` (the operator's clock);
    times are seconds since 1970.
    """
    return f"receiver:subscriptions:operator:{operator}"


def poll_state(poll: str) -> str:
    """Return the hash of how a poll stands: `kind`, `every` (s), `seen` (when its process last
    looked), `started` and `succeeded` (its last round, its last good one), `due`, `outcome` and
    `trouble` (in words) of the last round, `failures` in a row, `pending` (at the gateway, as it
    says), `pages` (on the disk of its process), and counts: `messages`, `polls:<outcome>`. Times
    are seconds since 1970, Redis' clock.
    """
    return f"receiver:poll:{poll}"


def poll_lease(poll: str) -> str:
    """Return the key of a poll's lease: its holder is the one process that polls."""
    return f"receiver:poll:{poll}:lease"


def poll_counted(poll: str) -> str:
    """Return the sorted set of the receipts of a poll's pages that were counted last."""
    return f"receiver:poll:{poll}:counted"


def consent_lease(poll: str) -> str:
    """Return the key of the lease under which a consent's tokens are renewed."""
    return f"receiver:consents:lease:{poll}"


def consent_code(digest: str) -> str:
    """Return the key that says that a consent's code was exchanged; it ends after an hour."""
    return f"receiver:consents:code:{digest}"


def mailbox_state(poll: str) -> str:
    """Return the key of how far a mailbox was read, as JSON
    (`receiver.polling.mailbox.progress.Progress`).
    """
    return f"receiver:mailbox:{poll}"


def mailbox_known(poll: str) -> str:
    """Return the hash of a mailbox' known messages: message id -> its flags."""
    return f"receiver:mailbox:{poll}:known"


def watch_due(poll: str) -> str:
    """Return the sorted set of a poll's watches: field of `WATCHES` -> when its status is to be
    asked for (ms, Redis' clock). Its members are exactly the fields of that poll.
    """
    return f"receiver:watches:due:{poll}"


def poll_devices(poll: str) -> str:
    """Return the hash of the devices that a poll asks for: digest of the device -> its last state
    as JSON.
    """
    return f"receiver:poll:{poll}:devices"


def polled_device(device: Mapping[str, Any]) -> str:
    """Return the field of a device, as CAMARA writes it, in `poll_devices`."""
    encoded = msgspec.json.encode(device, order="sorted")
    return hashlib.sha256(encoded).hexdigest()[:32]
