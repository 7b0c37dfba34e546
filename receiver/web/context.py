"""What all routes of the web process share."""

from receiver.auth.bearer import Credentials
from receiver.config.settings import LISTENER_NAME, Settings
from receiver.intake.accept import Receipts
from receiver.intake.availability import Availability
from receiver.intake.group_commit import Intake
from receiver.metrics.counters import ACKNOWLEDGED, Counters
from receiver.metrics.unauthenticated import UnauthenticatedCounts
from receiver.web.admission import Admission
from receiver.web.request_body import Bodies


class Context:
    """The parts that all routes share: credentials, intake, admission, counters."""

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        intake: Intake,
        admission: Admission,
        availability: Availability,
    ) -> None:
        self.handshake = settings.handshake
        self.listeners = frozenset(listener.name for listener in settings.listeners)
        self.credentials = credentials
        self.intake = intake
        self.admission = admission
        self.availability = availability
        self.receipts = Receipts()
        self.bodies = Bodies(settings.max_body_bytes)
        self.unauthenticated = UnauthenticatedCounts()
        self.meter = Counters()
        self.acknowledged = self.meter.times(ACKNOWLEDGED)
        """From a notification's last byte until it was durable."""

    def knows(self, listener: str) -> bool:
        """Return whether the URL names one of our listeners; any well-formed name counts while none
        is configured.
        """
        if self.listeners:
            return listener in self.listeners
        return LISTENER_NAME.fullmatch(listener) is not None
