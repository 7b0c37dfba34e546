"""Checks of the subscriptions that receiver.toml declares: controllers, operators, sets, clocks."""

from collections.abc import Iterator
from typing import Final

from receiver.config.settings import Operator, Settings
from receiver.doctor.finding import Finding
from receiver.metrics.snapshot import Snapshot
from receiver.outbound.operator_credentials import NotConfigured, credentials
from receiver.subscriptions import desired
from receiver.subscriptions.operator_state import OperatorState
from receiver.subscriptions.set_state import SetState, when_ends
from receiver.subscriptions.slots import Slot

_CLOCK: Final = 60.0
"""Seconds that an operator's clock may be off."""
_HOUR: Final = 3600.0
_ENDS_SOON: Final = 6 * _HOUR
_UNKNOWN: Final = 900.0
_URL_REFUSED: Final = "INVALID_SINK"
"""The code for a URL that an operator does not take (CAMARA 0.8), such as one with our tag."""
_LIST: Final = "receiver subscriptions list  # then: receiver subscriptions show "


def subscriptions(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Yield what is wrong with the subscriptions, and which secrets of theirs this environment
    lacks. Nothing is asked of an operator.
    """
    controlled = {one.name for one in found.operators if one.controlled}
    declared = {one.operator for one in settings.subscriptions}
    for one in settings.operators:
        if one.name in declared - controlled:  # one that works has its secrets
            yield from _secrets(settings, one)
    yield from how_they_stand(settings, found)


def how_they_stand(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Yield what is wrong with the subscriptions, whatever environment their controllers have."""
    declared = {one.operator for one in settings.subscriptions}
    states = {one.name: one for one in found.operators}
    for operator in settings.operators:
        state = states.get(operator.name, OperatorState(name=operator.name))
        yield from _controller(settings, state, needed=operator.name in declared)
        yield from _operator(state, found.now)
        for one in state.sets:
            yield from _notes(one)
            yield from _converged(one, found.now)


def left_behind(settings: Settings, slots: list[Slot], now: float) -> Iterator[Finding]:
    """Yield the sets that `receiver.toml` declares no more at an operator, where some of their
    subscriptions may live.
    """
    known = [one.name for one in settings.operators]
    alive = desired.left_alive(slots, known, now)
    for each in desired.undeclared(settings.subscriptions, slots):
        if each.left_at in known:
            yield Finding(
                "warning",
                f"the set {each.name} is not declared at the operator {each.left_at} any more, and "
                f"has {len(each.delete)} subscriptions there",
                "they send until they end, and are not renewed",
                "receiver subscriptions apply --yes  # deletes them; or declare the set again",
            )
    for name, number in sorted(alive.items()):
        yield Finding(
            "warning",
            f"receiver.toml has no operator {name} any more, where {number} subscriptions may live",
            "they send until they end; nobody renews or deletes them",
            f"declare [[operator]] {name} again; then: receiver subscriptions apply --yes",
        )


def _secrets(settings: Settings, operator: Operator) -> Iterator[Finding]:
    try:
        credentials(operator, settings.operator_variables)
    except NotConfigured as error:
        yield Finding(
            "serious",
            str(error),
            "nothing can be sent to the operator: its subscriptions are not renewed, and end",
            "set it where `receiver worker` runs; then restart worker",
        )


def _controller(settings: Settings, state: OperatorState, *, needed: bool) -> Iterator[Finding]:
    if needed and not state.controlled:
        yield Finding(
            "serious",
            f"no controller of the operator {state.name} lives"
            + (f": {state.trouble}" if state.trouble else ""),
            "nothing is created, renewed or replaced: its subscriptions end one by one",
            "restart worker  # with the same receiver.toml and the secrets that it names",
        )
    elif state.trouble:
        yield Finding(
            "serious",
            f"the operator {state.name}: {state.trouble}",
            "its subscriptions are not renewed, and end",
            "look at auth in receiver.toml and at the secret it names; then restart worker",
        )
    if state.controlled and state.public_url != settings.public_url:
        yield Finding(
            "serious",
            f"public_url is {settings.public_url or '(empty)'}, and the controller of "
            f"{state.name} has operators send to {state.public_url or '(nowhere)'}",
            "notifications go to a URL that may not be the receiver's",
            "receiver worker  # with the same receiver.toml; it renews each subscription so",
        )


def _operator(state: OperatorState, now: float) -> Iterator[Finding]:
    if state.circuit_open:
        minutes = (now - state.circuit_open) / 60
        yield Finding(
            "serious" if minutes > 15 else "warning",
            f"the operator {state.name} has failed for {minutes:.0f} minutes (circuit open)",
            "nothing is sent to it but a probe now and then; what ends meanwhile is not renewed",
            "look at the operator's status page, and at its URLs in receiver.toml",
        )
    if state.quota_until > now:
        yield Finding(
            "warning",
            f"the operator {state.name} gives no more subscriptions: its quota is reached",
            "what is new waits; what lives is renewed first",
            "ask the operator for a larger quota, or take devices out",
        )
    if abs(state.seconds_ahead) > _CLOCK:
        yield Finding(
            "warning",
            f"the clock of the operator {state.name} is {state.seconds_ahead:+.0f} s off ours",
            "subscriptions and their tokens end earlier or later than asked",
            "timedatectl set-ntp true  # here; if this clock is right, tell the operator",
        )
    if state.is_shared:
        yield Finding(
            "serious",
            f"another receiver with this public_url subscribes at the operator {state.name} for "
            "the same devices",
            "each takes the other's subscriptions for what its Redis has lost, and replaces them",
            "give each receiver a public_url of its own in receiver.toml, or each other devices",
        )
    if state.orphans:
        yield Finding(
            "note",
            f"{state.orphans} subscriptions at the operator {state.name} send to us and are in no "
            "record here: made elsewhere, or lost with Redis' data",
            "they end without renewal",
            "receiver subscriptions plan  # what it creates replaces what was lost; of the rest: "
            "receiver subscriptions orphans, then adopt or delete each",
        )


def _notes(one: SetState) -> Iterator[Finding]:
    if one.devices:
        yield Finding(
            "serious",
            f"the set {one.name}: {one.devices}",
            "its subscriptions stay as they are, and no device is added",
            "mend the file; it is read again by itself",
        )
    if one.stopped:
        yield Finding(
            "serious",
            f"the set {one.name} is stopped: {one.stopped}",
            "no subscription is created for it",
            "sink_tag = false for one that takes registered URLs only; restart worker; then: "
            "receiver subscriptions apply"
            if _URL_REFUSED in one.stopped
            else "receiver subscriptions apply  # when the reason is mended",
        )
    if one.no_room:
        yield Finding(
            "warning",
            f"{one.no_room} renewals of the set {one.name} find no room in the operator's quota",
            "each subscription is deleted in its last hour, before its successor is created: a gap",
            "ask the operator for a larger quota, or take devices out",
        )
    if one.deletions:
        yield Finding(
            "warning",
            f"{one.deletions} deletions of the set {one.name} wait",
            "so many at once may be a mistake in the file of devices",
            "receiver subscriptions plan  # then: receiver subscriptions apply --yes",
        )


def _converged(one: SetState, now: float) -> Iterator[Finding]:
    refused = 0 if one.left else one.states.get("refused", 0)
    if not one.left and (missing := one.wanted - one.active - refused) > 0:
        yield Finding(
            "warning",
            f"{missing} of {one.wanted} subscriptions of the set {one.name} do not live",
            "what happens to these devices is not sent to us",
            _LIST + one.name,
        )
    if refused:
        yield Finding(
            "warning",
            f"{refused} of {one.wanted} subscriptions of the set {one.name} are refused",
            "the operator does not send what happens to these devices; it is asked once a day",
            f"receiver subscriptions show {one.name} --state refused",
        )
    overdue = one.renewal_due is not None and now - one.renewal_due > _HOUR
    if one.next_end is not None and overdue and one.next_end - now < _ENDS_SOON:
        yield Finding(
            "serious",
            f"a subscription of the set {one.name} {when_ends(one.next_end - now)}, and is not "
            "being renewed",
            "after that nothing of its device is sent to us",
            f"declare the set again at {one.operator}, if it is to be kept there"
            if one.left
            else f"receiver subscriptions renew {one.name}",
        )
    if one.unknown_since and now - one.unknown_since > _UNKNOWN:
        yield Finding(
            "warning",
            f"of an attempt of the set {one.name} nobody knows for "
            f"{(now - one.unknown_since) / 60:.0f} minutes whether it made a subscription",
            "its device may have none; the operator's list would tell, and cannot be read",
            _LIST + f"{one.name} --state unknown",
        )
