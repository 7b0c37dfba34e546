"""The status of one device, asked of an operator: its answers and CAMARA's older ones in one shape.

CAMARA (device-reachability-status and device-roaming-status 1.x): `POST /retrieve` of two APIs.
AT&T, and CAMARA's device-status 0.5: `POST /connectivity` and `POST /roaming` of one API.
"""

import asyncio
import re
from typing import Any, Final, Literal

from msgspec import Struct, to_builtins

from receiver.carriers.formats import timestamp
from receiver.config.operators import Operator
from receiver.outbound.answers import Answer, NotSent, Unanswered
from receiver.outbound.operator_client import OperatorClient
from receiver.runtime.moment import rfc3339

_FLAT: Final = re.compile(r"/device-status/v[^/]+/?$").search
_CONNECTIVITY: Final = {
    "CONNECTED_DATA": ("DATA",),
    "CONNECTED_SMS": ("SMS",),
    "NOT_CONNECTED": (),
}
"""`connectivityStatus` (ConnectivityStatusResponse, device-status 0.5.1), and `reachabilityStatus`
of device-reachability-status 0.6 -> `connectivity`."""
_UNKNOWN_DEVICE: Final = frozenset({"IDENTIFIER_NOT_FOUND", "DEVICE_NOT_FOUND"})

Query = Literal["reachability", "roaming"]


class DeviceStatus(Struct, kw_only=True, rename="camel"):
    """What an operator says of one device, encoded under the names that events have; None where it
    did not say or was not asked.
    """

    reachable: bool | None = None
    connectivity: list[str] | None = None
    """Of DATA and SMS; empty: not reachable."""
    roaming: bool | None = None
    country_code: int | None = None
    """The country that it roams in (ITU-T E.212 mobile country code)."""
    country_name: list[str] = []
    """ISO 3166 codes of the countries that share the code."""
    last_status_time: str | None = None
    """When the network last saw the state, the older of the two; None: not said."""
    faults: dict[Query, str] = {}
    """Query -> why it has no answer, in one sentence without device and secret."""
    times: dict[str, str] = {}
    """Query -> the time that its own answer names."""

    def printed(self) -> dict[str, Any]:
        """Return what is shown of it: of the times the older one."""
        return {name: said for name, said in to_builtins(self).items() if name != "times"}


def urls(operator: Operator) -> dict[Query, str]:
    """Return the URL of each query that the operator's table has an API for."""
    found: dict[Query, str] = {}
    if operator.status:
        base = operator.status.rstrip("/")
        found["reachability"] = f"{base}/connectivity" if _FLAT(base) else f"{base}/retrieve"
        if _FLAT(base):
            found["roaming"] = f"{base}/roaming"
    if operator.roaming_status:
        base = operator.roaming_status.rstrip("/")
        found["roaming"] = f"{base}/roaming" if _FLAT(base) else f"{base}/retrieve"
    return found


async def ask(
    client: OperatorClient,
    operator: Operator,
    device: dict[str, Any],
    queries: tuple[Query, ...] = ("reachability", "roaming"),
) -> DeviceStatus:
    """Return the status of a device as CAMARA writes it (Device). Nothing is raised: what has no
    answer is in `faults`.
    """
    asked = {query: url for query, url in urls(operator).items() if query in queries}
    answers = await asyncio.gather(*(_answer(client, url, device) for url in asked.values()))
    status = DeviceStatus()
    for query, answer in zip(asked, answers, strict=True):
        document = answer if isinstance(answer, dict) else {}
        fault = answer if isinstance(answer, str) else ""
        read = _reachability if query == "reachability" else _roaming
        if not fault and not read(status, document):
            fault = "its answer has none of the documented forms"
        if fault:
            status.faults[query] = fault
        _note_time(status, query, document.get("lastStatusTime"))
    return status


async def _answer(client: OperatorClient, url: str, device: dict[str, Any]) -> dict[str, Any] | str:
    """Return the document, or why there is none."""
    try:
        answer = await client.request("POST", url, {"device": device})
    except (NotSent, Unanswered) as error:
        return str(error)
    if answer.status != 200:
        return refusal(answer)
    document = answer.document
    return document if isinstance(document, dict) else "its answer is no JSON object"


def refusal(answer: Answer) -> str:
    """Return in one sentence what an operator's refusal of a status query means."""
    said = f"{answer.status} {answer.code}".rstrip()
    match answer.status:
        case 404 if answer.code in _UNKNOWN_DEVICE:
            return f"it does not know this device ({said})"
        case 404:
            return f"it does not know this device, or the URL in receiver.toml is wrong ({said})"
        case 401:
            return f"it does not accept who we are ({said}): look at auth in receiver.toml"
        case 403:
            return f"it does not permit this: consent or a permission is missing ({said})"
        case 422:
            return f"it cannot say it of this device ({said})"
        case 429:
            wait = answer.retry_after
            return f"too many requests ({said})" + (f": again in {wait:.0f} s" if wait else "")
        case status if status >= 500:
            return f"it has a fault of its own ({said}): try again later"
    return f"it refuses the request ({said})"


def _reachability(status: DeviceStatus, document: dict[str, Any]) -> bool:
    """Write down what a document says of reachability; returns whether it says it."""
    word = document.get("connectivityStatus") or document.get("reachabilityStatus")
    reachable = document.get("reachable")
    if isinstance(word, str) and word in _CONNECTIVITY:
        status.connectivity = list(_CONNECTIVITY[word])
        status.reachable = bool(status.connectivity)
    elif isinstance(reachable, bool):
        ways = document.get("connectivity")
        status.reachable = reachable
        if not reachable or isinstance(ways, list):
            status.connectivity = [x for x in ways or () if x in ("DATA", "SMS")] * reachable
    else:
        return False
    if status.roaming is None and isinstance(document.get("roaming"), bool):
        status.roaming = document["roaming"]  # AT&T says it in this answer too
    return True


def _roaming(status: DeviceStatus, document: dict[str, Any]) -> bool:
    """Write down what a document says of roaming; returns whether it says it."""
    roaming, code, names = (document.get(x) for x in ("roaming", "countryCode", "countryName"))
    if not isinstance(roaming, bool):
        return False
    status.roaming = roaming
    status.country_code = code if type(code) is int else None
    listed = names if isinstance(names, list) else []
    status.country_name = [each for each in listed if isinstance(each, str)]
    return True


def _note_time(status: DeviceStatus, query: Query, said: Any) -> None:
    """Keep the time that an answer names, and the older of both."""
    when = timestamp.rfc3339(said) if isinstance(said, str) else None
    if when is None:
        return
    text = rfc3339(when)
    status.times[query] = text
    status.last_status_time = min(text, status.last_status_time or text)
