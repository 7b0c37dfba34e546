"""The kinds of poll, each made for its settings."""

from receiver.config.polls import AttInboxPoll, AttMessagesPoll, CamaraDevicePoll
from receiver.polling.device_status import DevicePoll
from receiver.polling.inbox import Inbox
from receiver.polling.rounds import GatewaySite, Kind, Site
from receiver.polling.statuses import Statuses


def kind_of(site: Site) -> Kind:
    """Return what does the rounds of a poll."""
    poll = site.poll
    if isinstance(poll, CamaraDevicePoll):
        return DevicePoll(poll, site)
    if isinstance(poll, AttMessagesPoll):
        from receiver.polling.mailbox.kind import MailboxPoll  # late: with it comes cryptography

        return MailboxPoll(poll, site)
    assert isinstance(site, GatewaySite)  # noqa: S101 - so `process` has made it
    return Inbox(poll, site) if isinstance(poll, AttInboxPoll) else Statuses(poll, site)
