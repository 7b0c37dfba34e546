"""The carriers whose callbacks we receive. One more carrier is one module and its line here."""

from typing import Final

from receiver.carriers import att, camara
from receiver.carriers.carrier import Callback

CALLBACKS: Final[tuple[Callback, ...]] = (
    *att.CALLBACKS,
    camara.CALLBACK,
)
