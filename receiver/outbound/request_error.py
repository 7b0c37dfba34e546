"""What an error answer of AT&T's APIs, or of GSMA OneAPI's, says, and what is to be done about it.

`{"RequestError": {"ServiceException" | "PolicyException": {"MessageId", "Text", "Variables"}}}`,
names in any case, as JSON or XML. The codes are those of OMA's REST common definitions.
"""

import enum
import re
from typing import Final

from msgspec import Struct

from receiver.outbound.answers import Answer, is_passing

_CODE: Final = re.compile(rb"messageid\W{1,16}((?:SVC|POL)[0-9]{4})\b", re.IGNORECASE).search
_INVALID: Final = frozenset({"SVC0002", "SVC0003"})
_LOOKED_AT: Final = 16 * 1024


class Action(enum.Enum):
    """What to do about an answer that is no success."""

    OUR_FAULT = "our-fault"
    """Our request had no credentials: no repeat will mend it; alarm."""
    RENEW = "renew"
    """Ask for a new token and repeat, once; then it is a refusal of our credentials."""
    RENEW_THEN_BACK_OFF = "renew-then-back-off"
    """Ask for a new token and repeat, once; then the gateway throttles us: wait longer and longer.
    It documents no 429 (AT&T's own SDKs treat this 403 so)."""
    STOP = "stop"
    """Somebody has not consented, or is not allowed to: stop, alarm."""
    GONE = "gone"
    """A value is invalid. Of a status: the gateway does not know the message id, or no more."""
    FINAL = "final"
    """The request itself is refused: a repeat gets the same answer."""
    REPEAT = "repeat"
    """Repeat later, not before `Answer.retry_after`."""


class RequestError(Struct, frozen=True):
    """What an error answer says: the code only, since texts and variables may quote numbers."""

    status: int
    code: str
    """Such as `SVC0002`; empty where the body is none of these."""

    @property
    def action(self) -> Action:
        """Return what to do about it."""
        return _action(self.status, self.code)

    def __str__(self) -> str:
        return f"{self.status} {self.code}".rstrip()


def read(answer: Answer) -> RequestError:
    """Read an answer whose status is no 2xx; never fails."""
    return RequestError(answer.status, error_code(answer.body))


def error_code(body: bytes) -> str:
    """Return the code of an error; empty where there is none.

    It is looked for in the bytes: it stands there alike in JSON and in XML.
    """
    found = _CODE(body[:_LOOKED_AT])
    return found[1].decode().upper() if found else ""


def _action(status: int, code: str) -> Action:
    """Return what an error calls for. Status goes before code: a 5xx may pass and a 401 wants
    another token, whatever the code.
    """
    if is_passing(status):
        return Action.REPEAT
    if status == 401:
        return Action.RENEW
    if code == "POL0002":
        return Action.STOP
    if code == "POL0001" and status == 400:
        return Action.OUR_FAULT
    if code == "POL0001" or (status == 403 and not code):
        return Action.RENEW_THEN_BACK_OFF
    # A 404 without a code may as well be a wrong base URL: nothing ends by it.
    return Action.GONE if code in _INVALID else Action.FINAL
