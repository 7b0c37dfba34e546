"""AT&T short codes: mobile-originated SMS and delivery statuses, pushed to a listener URI.

Sources: developer.att.com/sms/docs/v3 ("Receive SMS", "Receive SMS Delivery Status"), requests
captured in 2012 and 2013, and the GSMA OneAPI and OMA forms that AT&T's are a dialect of. Neither
a content type nor a way of authenticating is documented, so neither is demanded here.
"""

from datetime import tzinfo
from typing import Final

from receiver.carriers.att import delivery_status, kind, mo, schema
from receiver.carriers.callback import Callback, Event, Reading, Request
from receiver.carriers.problem import problem
from receiver.notification import Notification


def _read_message(request: Request) -> Reading:
    return kind.read(request, mo.KIND, delivery_status.KIND)


def _message(notification: Notification, zone: tzinfo, region: str = "US") -> list[Event]:
    return kind.normalise(notification, zone, region, mo.KIND, delivery_status.KIND)


def _read_status(request: Request) -> Reading:
    return kind.read(request, delivery_status.KIND, mo.KIND)


def _status(notification: Notification, zone: tzinfo, region: str = "US") -> list[Event]:
    return kind.normalise(notification, zone, region, delivery_status.KIND, mo.KIND)


MESSAGES: Final = Callback(
    name="att.sms.mo",
    path="/att/sms/mo",
    read=_read_message,
    normalise=_message,
    regional=True,
    problem=problem,
    content={"application/json": {"schema": schema.MESSAGE}},
)
STATUSES: Final = Callback(
    name="att.sms.delivery-status",
    path="/att/sms/delivery-status",
    read=_read_status,
    normalise=_status,
    regional=True,
    problem=problem,
    content={"application/json": {"schema": schema.STATUS}},
)
CALLBACKS: Final[tuple[Callback, ...]] = (MESSAGES, STATUSES)
