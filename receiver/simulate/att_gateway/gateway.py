"""The state of a simulated gateway: all of its parts, on one clock and one scenario."""

from collections.abc import Callable
from functools import partial
from typing import Any

from receiver.simulate import notifications
from receiver.simulate.att_gateway.faults import Faults
from receiver.simulate.att_gateway.handover import Handovers
from receiver.simulate.att_gateway.in_app.mailbox import Change, Item, Mailbox, Subscription
from receiver.simulate.att_gateway.oauth.tokens import Tokens
from receiver.simulate.att_gateway.pushes import Pushes
from receiver.simulate.att_gateway.scenario import Fault, Online, Scenario
from receiver.simulate.att_gateway.sms.inbox import Inbox
from receiver.simulate.att_gateway.sms.outbox import FINAL, Outbox, Recipient, Sent
from receiver.simulate.clock import Clock
from receiver.simulate.fault_order import FaultOrders
from receiver.simulate.serving import Calls


class Gateway:
    """One gateway. `scenario` can be replaced while it runs."""

    def __init__(self, scenario: Scenario) -> None:
        self._initial = scenario
        self.clock = Clock()
        self.pushes = Pushes()
        self.mailbox_watchers: list[Callable[[str, Item, Change], None]] = []
        """Are told of each change: the client's id, the message, what changed."""
        self.reset()

    def reset(self) -> None:
        """Restore the beginning: nothing accepted, no tokens, the scenario's settings."""
        self.scenario = self._initial
        self.clock.set_ahead(0)
        self.calls = Calls()
        self.generated = 0
        """Messages with a text of the gateway's own."""
        self.faults = Faults(self._current)
        self.tokens = Tokens(self._current, self.clock.now)
        self.inbox = Inbox(self._current, self.clock.now)
        self.outbox = Outbox(self._current, self.clock.now)
        self.handovers = Handovers(self.clock.now)
        self.mailboxes: dict[str, Mailbox] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.subscriptions: dict[str, Subscription] = {}

    @property
    def fault_orders(self) -> FaultOrders[Fault]:
        """Return the faults on order."""
        return self.faults.orders

    def online(self, registration: str) -> Online | None:
        """Return the online short code of this registration: it is pushed, and not polled."""
        return next((one for one in self.scenario.online if one.registration == registration), None)

    def mailbox(self, client: str) -> Mailbox:
        """Return the mailbox of the subscriber who consented to a client."""
        if client not in self.mailboxes:
            numbers = {one.id: one.subscriber for one in self.scenario.client}
            subscriber = f"tel:{numbers.get(client, '+12065550100')}"
            found = Mailbox(self._current, self.clock.now, subscriber)
            found.watchers.append(lambda item, change: self._tell(client, item, change))
            self.mailboxes[client] = found
        return self.mailboxes[client]

    def push_message(self, online: Online, sender: str, text: str) -> None:
        """Post a message to the listener of an online short code (Receive SMS)."""
        if online.mo:
            now = self.clock.now()
            message = notifications.message(now, text, sender, to=online.registration)
            self.pushes.post(online.mo, message)

    def push_statuses(self, sent: Sent) -> None:
        """Post each final status to the listener when it is reached, once, where that was asked
        for. To be called again once a status has been set.
        """
        if not sent.notify:
            return
        found = self.online(sent.sender) or next(iter(self.scenario.online), None)
        if not found or not found.delivery_status:
            return  # "the delivery notification status message might become lost"
        url = found.delivery_status
        for each in sent.recipients:
            self.clock.at(each.final_at, partial(self._push_status, url, sent, each))

    def _push_status(self, url: str, sent: Sent, recipient: Recipient) -> None:
        if recipient.posted or recipient.status(self.clock.now()) not in FINAL:
            return
        recipient.posted = True
        status = notifications.delivery_status(sent.id, recipient.address, recipient.final)
        self.pushes.post(url, status)

    def _tell(self, client: str, item: Item, change: Change) -> None:
        for watcher in self.mailbox_watchers:
            watcher(client, item, change)

    def _current(self) -> Scenario:
        return self.scenario
