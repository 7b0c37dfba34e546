"""The carriers we are the receiving end of. One more carrier: one module and its line here."""

from typing import Final

from receiver.carriers import att, camara
from receiver.carriers.carrier import Callback

CALLBACKS: Final[tuple[Callback, ...]] = (
    *att.CALLBACKS,
    camara.CALLBACK,
)
