"""AT&T short codes: mobile-originated SMS and delivery statuses, pushed to a listener URI.

Sources: developer.att.com/sms/docs/v3 ("Receive SMS", "Receive SMS Delivery Status"), requests
captured in 2012 and 2013, and the GSMA OneAPI and OMA forms that AT&T's are a dialect of. Neither
a content type nor a way of authenticating is documented, so neither is demanded here.
"""

from functools import partial
from typing import Final

from receiver.carriers.att import delivery_status, kind, mo, schema
from receiver.carriers.callback import Callback
from receiver.carriers.problem import problem

_MESSAGES: Final = (mo.KIND, delivery_status.KIND)
_STATUSES: Final = (delivery_status.KIND, mo.KIND)

MESSAGES: Final = Callback(
    name="att.sms.mo",
    path="/att/sms/mo",
    read=partial(kind.read, *_MESSAGES),
    normalise=partial(kind.normalise, *_MESSAGES),
    regional=True,
    problem=problem,
    content={"application/json": {"schema": schema.MESSAGE}},
)
STATUSES: Final = Callback(
    name="att.sms.delivery-status",
    path="/att/sms/delivery-status",
    read=partial(kind.read, *_STATUSES),
    normalise=partial(kind.normalise, *_STATUSES),
    regional=True,
    problem=problem,
    content={"application/json": {"schema": schema.STATUS}},
)
CALLBACKS: Final[tuple[Callback, ...]] = (MESSAGES, STATUSES)
