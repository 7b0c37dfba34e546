"""The carriers whose callbacks we receive. One more carrier is one module and its line here."""

from typing import Final

from receiver.carriers import att, camara
from receiver.carriers.carrier import Callback

CALLBACKS: Final[tuple[Callback, ...]] = (
    *att.CALLBACKS,
    camara.CALLBACK,
)
"""Those with a route: what is pushed."""
POLLED: Final[tuple[Callback, ...]] = (*att.POLLED, *camara.POLLED)
"""Those without a route: the pages that `receiver.polling` fetches. Their `path` is only what
stands in the events' `source`."""
BY_NAME: Final = {callback.name: callback for callback in (*CALLBACKS, *POLLED)}
