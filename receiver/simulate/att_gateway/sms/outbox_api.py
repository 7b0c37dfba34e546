"""Send SMS and Get SMS Delivery Status, in both signatures."""

from starlette.responses import Response

from receiver.simulate.att_gateway.api import Asked, Given
from receiver.simulate.att_gateway.errors import Refused, invalid
from receiver.simulate.att_gateway.gateway import Gateway
from receiver.simulate.att_gateway.sms import statuses
from receiver.simulate.att_gateway.sms.outbox import Sent
from receiver.simulate.att_gateway.sms.requests import read_send
from receiver.simulate.serving import json


class OutboxApi:
    """Serves sent messages. A final status is answered once."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def send(self, asked: Asked) -> Response:
        """Serve Send SMS; in GSMA OneAPI's signature the sender is in the path."""
        outbox, sms = self._gateway.outbox, self._gateway.scenario.sms
        kind = asked.request.headers.get("content-type", "application/json")
        media_type = kind.partition(";")[0].strip().lower()
        wanted = read_send(await asked.request.body(), media_type)
        if wanted.notify and sms.refuse_receipts:
            raise Refused(400, "SVC0283", "notifyDeliveryStatus")
        sender = asked.path.get("sender", wanted.sender)
        sent = outbox.add(wanted.addresses, wanted.message, sender=sender, notify=wanted.notify)
        self._gateway.push_statuses(sent)
        url = f"{asked.url}/{sent.id}"
        if asked.gsma:
            root = asked.url.partition("/outbound/")[0]
            url = f"{root}/outbound/requests/{sender}/{sent.id}/deliveryInfos"
        return _sent(asked, sent, url)

    async def status(self, asked: Asked) -> Given:
        """Serve the statuses."""
        gateway = self._gateway
        sent = gateway.outbox.find(asked.path["id"])
        if not sent:
            raise invalid("requestId" if asked.gsma else "MessageId")
        now, shape = gateway.clock.now(), asked.shape(gateway.faults.shape()) or ""
        final = sent.is_final(now)
        body, media_type = statuses.document(
            [(each.address, each.status(now)) for each in sent.recipients],
            asked.url,
            gsma=asked.gsma,
            xml=asked.xml,
            shape="" if final and shape == "null" else shape,
        )
        handover = None
        if final:
            sent.taken = True
            handover = gateway.handovers.begin(
                "status", sent.id, [sent.id], [len(body)], len(body), shape
            )
        return Given(Response(body, media_type=media_type), handover)


def _sent(asked: Asked, sent: Sent, url: str) -> Response:
    """Return the answer; an id that cannot be polled has no resource (Send SMS, "notify delivery
    status").
    """
    if asked.xml:
        found = f'<outboundSMSResponse messageId="{sent.id}"'
        inner = f"<resourceReference><resourceURL>{url}</resourceURL></resourceReference>"
        found += "/>" if sent.notify else f">{inner}</outboundSMSResponse>"
        return Response(found, 201, media_type="application/xml")
    response: dict[str, object] = {"messageId": sent.id}
    reference = {"resourceURL": url}
    if not sent.notify:
        response["resourceReference"] = reference
    own = asked.request.url.path.startswith(("/3/", "/sms/"))
    # GSMA's own clients want the reference outside (OneAPI 1.0, Send SMS).
    outside = {} if own else {"resourceReference": reference}
    answer = json(201, {"outboundSMSResponse": response} | outside)
    answer.headers["location"] = url
    return answer
