"""The kinds of poll, each made for its settings."""

from receiver.config.polls import (
    AttInboxPoll,
    AttMessagesPoll,
    AttStatusPoll,
    CamaraDevicePoll,
)
from receiver.polling.device_status import DevicePoll
from receiver.polling.inbox import Inbox
from receiver.polling.rounds import GatewaySite, Kind, Site
from receiver.polling.statuses import Statuses


def kind_of(site: Site) -> Kind | None:
    """Return what does the rounds of a poll; None for a kind that this version cannot poll."""
    poll = site.poll
    if isinstance(poll, AttInboxPoll) and isinstance(site, GatewaySite):
        return Inbox(poll, site)
    if isinstance(poll, AttMessagesPoll):
        from receiver.polling.mailbox.kind import MailboxPoll  # late: with it comes cryptography

        return MailboxPoll(poll, site)
    if isinstance(poll, AttStatusPoll) and isinstance(site, GatewaySite):
        return Statuses(poll, site)
    if isinstance(poll, CamaraDevicePoll):
        return DevicePoll(poll, site)
    return None
