"""What somebody was shown before they confirmed it: sealed into the form, so that what is done, and
what the audit trail says of it, is what was counted.
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request

from receiver.console.forms import NotDone

FIELD: Final = "seal"
_TYPED: Final = frozenset((FIELD, "typed"))
_KEY: Final = secrets.token_bytes(32)
"""Of this process: what was counted before it started is counted again."""


def sealed(request: Request, action: str, fields: Mapping[str, Any]) -> dict[str, str]:
    """Return a form's hidden fields with the seal of who was shown them. `action` is its address
    or another name of its own.
    """
    shown = {name: str(value) for name, value in fields.items()}
    once = secrets.token_hex(8)
    return shown | {FIELD: f"{once}.{_seal(request, action, shown, once)}"}


def check(request: Request, action: str, form: Mapping[str, str]) -> str:
    """Return what is the same for each time that one confirmation is sent. Raises `NotDone` where
    a form's fields are not those that were shown to whoever sends it.
    """
    once, _, said = form.get(FIELD, "").partition(".")
    shown = {name: value for name, value in form.items() if name not in _TYPED}
    if not hmac.compare_digest(said.encode(), _seal(request, action, shown, once).encode()):
        raise NotDone(409, "Nothing was done", "This is not what was counted: count again.")
    return once


def _seal(request: Request, action: str, shown: Mapping[str, str], once: str) -> str:
    about = msgspec.json.encode([request.state.session.name, action, once, sorted(shown.items())])
    return hmac.digest(_KEY, about, "sha256").hex()
