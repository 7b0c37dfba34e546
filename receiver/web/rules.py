"""What `receiver.toml` says about requests: one value, which a reload replaces as a whole."""

import msgspec

from receiver.config.settings import LISTENER_NAME, Handshake
from receiver.web.listener_shares import ListenerShares


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What `receiver.toml` says about requests."""

    handshake: Handshake
    listeners: frozenset[str]
    inbox_texts: frozenset[str]
    shares: ListenerShares | None
    """None where no listener is configured: then nobody has a share."""

    def knows(self, listener: str) -> bool:
        """Return whether the URL names one of our listeners; any well-formed name counts while none
        is configured.
        """
        if self.listeners:
            return listener in self.listeners
        return LISTENER_NAME.fullmatch(listener) is not None
