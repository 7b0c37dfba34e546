"""The kinds of poll, each made for its settings."""

from receiver.config.polls import AttInboxPoll
from receiver.polling.inbox import Inbox
from receiver.polling.rounds import GatewaySite, Kind, Site


def kind_of(site: Site) -> Kind | None:
    """Return what does the rounds of a poll; None for a kind that this version cannot poll."""
    poll = site.poll
    if isinstance(poll, AttInboxPoll) and isinstance(site, GatewaySite):
        return Inbox(poll, site)
    return None
