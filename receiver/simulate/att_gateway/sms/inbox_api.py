"""Get SMS in both signatures: what it answers is removed."""

from starlette.responses import Response

from receiver.simulate.att_gateway.api import Asked, Given, number
from receiver.simulate.att_gateway.errors import Refused, invalid
from receiver.simulate.att_gateway.gateway import Gateway
from receiver.simulate.att_gateway.scenario import Shape
from receiver.simulate.att_gateway.sms import pages


class InboxApi:
    """Serves the messages of offline short codes."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def get(self, asked: Asked) -> Given:
        """Serve Get SMS."""
        gateway, registration = self._gateway, asked.path["registration"]
        if gateway.online(registration):  # "only allowed for ... an offline short code"
            raise invalid("RegistrationID")
        if gateway.inbox.too_soon(registration):
            raise Refused(403, "POL0001", "RegistrationID")
        shape = asked.shape(gateway.faults.shape())
        messages, pending = gateway.inbox.take(registration, self._most(asked, shape))
        lies = gateway.faults.lies() or bool(asked.strike and asked.strike.effect == "pending_lies")
        shown = (0 if pending else 2) if lies else pending
        page = pages.page(
            messages, shown, asked.url, gsma=asked.gsma, xml=asked.xml, shape=shape or ""
        )
        texts, length = [each.text for each in messages], len(page.body)
        handover = gateway.handovers.begin(
            "inbox", registration, texts, page.ends, length, shape or ""
        )
        return Given(Response(page.body, media_type=page.media_type), handover)

    def _most(self, asked: Asked, shape: Shape | None) -> int:
        """Return the size of the page; GSMA's clients may ask for a smaller one. An object in
        place of a list is one message.
        """
        most = 1 if shape == "object" else self._gateway.scenario.gateway.page_size
        return min(most, number(asked.request.query_params.get("maxBatchSize", "")) or most)
