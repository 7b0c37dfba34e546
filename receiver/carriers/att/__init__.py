"""AT&T: mobile-originated SMS, delivery statuses and changes to mailboxes, pushed to a listener URI
or polled.

Sources: developer.att.com/sms/docs/v3 ("Receive SMS", "Receive SMS Delivery Status"), requests
captured in 2012 and 2013, and the GSMA OneAPI and OMA forms that AT&T's are a dialect of; of
mailboxes (In-App Messaging) AT&T's SDKs and its OpenAPI document. Neither a content type nor a way
of authenticating is documented, so neither is demanded here.
"""

from functools import partial
from typing import Final

from receiver.carriers.att import (
    callback_kind,
    delivery_status,
    inbox_page,
    incoming_sms,
    mailbox_change,
    message_push,
    outbox,
    salvage,
    schema,
)
from receiver.carriers.carrier import Callback
from receiver.carriers.formats.problem_details import problem

_callback = partial(Callback, regional=True, problem=problem)
_MESSAGES: Final = (incoming_sms.KIND, delivery_status.KIND)
_STATUSES: Final = (delivery_status.KIND, incoming_sms.KIND)

MESSAGES: Final = _callback(
    name="att.sms.mo",
    path="/att/sms/mo",
    read=partial(callback_kind.read, *_MESSAGES),
    normalise=partial(callback_kind.normalise, *_MESSAGES),
    content={"application/json": {"schema": schema.MESSAGE}},
)
STATUSES: Final = _callback(
    name="att.sms.delivery-status",
    path="/att/sms/delivery-status",
    read=partial(callback_kind.read, *_STATUSES),
    normalise=partial(callback_kind.normalise, *_STATUSES),
    content={"application/json": {"schema": schema.STATUS}},
)
MESSAGE_PUSH: Final = _callback(
    name="att.messages.push",
    path="/att/messages",
    read=message_push.read,
    private=message_push.private,
    normalise=message_push.normalise,
    content={"application/json": {"schema": schema.MESSAGE_PUSH}},
)
CALLBACKS: Final[tuple[Callback, ...]] = (MESSAGES, STATUSES, MESSAGE_PUSH)

INBOX: Final = _callback(
    name="att.sms.inbox",
    path="/att/sms/inbox",
    read=inbox_page.read,
    normalise=inbox_page.normalise,
    salvage=salvage.messages,
)
"""Pages of Get SMS, polled: `receiver.polling`."""
MAILBOX_CHANGES: Final = _callback(
    name="att.messages",
    path="/att/mailbox",
    read=mailbox_change.read,
    normalise=mailbox_change.normalise,
)
"""Changes to mailboxes, polled: `receiver.polling.mailbox`."""
OUTBOX: Final = _callback(
    name=outbox.NAME,
    path="/att/sms/outbox",
    read=outbox.read,
    normalise=outbox.normalise,
    salvage=salvage.statuses,
)
"""Answers to Get SMS Delivery Status, polled."""
POLLED: Final[tuple[Callback, ...]] = (INBOX, OUTBOX, MAILBOX_CHANGES)
