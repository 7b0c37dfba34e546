"""What notifications say, and what events say that they said."""

import json
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from receiver.contract.records import Notification, encode


class Said(NamedTuple):
    """What a notification says: equal ones are repeats, except those without identity."""

    kind: str
    which: int = 0
    status: str = ""

    @property
    def items(self) -> list[tuple[Any, ...]]:
        """One for each event that is made of it."""
        if self.kind == "broken":
            return []
        each = ("one", "other") if self.kind == "statuses" else ("one",)
        kind = "status" if self.kind == "statuses" else self.kind
        return [(kind, self.which, self.status, address) for address in each]

    def notification(self, receipt: int) -> bytes:
        """Return it as it is stored."""
        callback = "att.sms.delivery-status" if self.kind.startswith("status") else "att.sms.mo"
        body = b"{" if self.kind == "broken" else json.dumps(self._body()).encode()
        name = f"{receipt:027x}"
        return encode(Notification(callback, "default", name, 1, "application/json", body))

    def _body(self) -> dict[str, Any]:
        if self.kind.startswith("status"):
            infos = [
                {"address": f"tel:{ADDRESSES[item[-1]]}", "deliveryStatus": self.status}
                for item in self.items
            ]
            about = {"messageId": f"message-{self.which}", "deliveryInfo": infos}
            return {"deliveryInfoNotification": about}
        body = {"SenderAddress": "tel:+12065550100", "Message": f"text {self.which}"}
        known = {"MessageId": f"id-{self.which}", "DateTime": "2026-04-15T12:00:00Z"}
        return {"InboundSmsMessage": body | (known if self.kind == "message" else {})}


ADDRESSES: Final = {"one": "+12065550101", "other": "+12065550102"}
FINAL: Final = ("DeliveredToTerminal", "DeliveryImpossible")
_which = st.integers(0, 1)
SAID: Final = st.one_of(
    st.builds(Said, st.sampled_from(["message", "bare", "broken"]), _which, st.just("")),
    st.builds(
        Said,
        st.sampled_from(["status", "statuses"]),
        _which,
        st.sampled_from([*FINAL, "MessageWaiting"]),
    ),
)


def item(event: dict[str, Any]) -> tuple[Any, ...]:
    data = event["data"]
    if event["type"].startswith("sms.delivery"):
        address = next(name for name, number in ADDRESSES.items() if number == event["subject"])
        return "status", int(data["messageId"][-1]), data["providerStatus"], address
    kind = "bare" if event["identitybasis"] == "none" else "message"
    return kind, int(data["text"][-1]), "", "one"
