"""What all routes share."""

import itertools
import secrets

from receiver.auth.bearer import Credentials
from receiver.config.settings import LISTENER_NAME, Settings
from receiver.intake.group_commit import Intake
from receiver.metrics.counters import ACKNOWLEDGED, Meter
from receiver.metrics.unauthenticated import Tally
from receiver.web.admission import Gate
from receiver.web.request_body import Bodies


class Receipts:
    """Makes receipt ids: unique over processes and time, in order within a process."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = itertools.count()

    def new(self, milliseconds: int) -> str:
        """27 characters: time, process, count."""
        return f"{milliseconds:011x}{self._process}{next(self._count) & 0xFFFFFFFF:08x}"


class Door:
    """What all routes share: who may come in, where it is kept, and what is counted."""

    def __init__(
        self, settings: Settings, credentials: Credentials, intake: Intake, gate: Gate
    ) -> None:
        self.handshake = settings.handshake
        self.listeners = frozenset(listener.name for listener in settings.listeners)
        self.credentials = credentials
        self.intake = intake
        self.gate = gate
        self.receipts = Receipts()
        self.bodies = Bodies(settings.max_body_bytes)
        self.tally = Tally()
        self.meter = Meter()
        self.acknowledged = self.meter.times(ACKNOWLEDGED)
        """From a notification's last byte until it was durable."""

    def knows(self, listener: str) -> bool:
        """Whether the URL names one of our listeners; any well-formed name while none is named."""
        if self.listeners:
            return listener in self.listeners
        return LISTENER_NAME.fullmatch(listener) is not None
