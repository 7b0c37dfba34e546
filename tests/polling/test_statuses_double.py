"""Delivery statuses against the simulated gateway, in both signatures, with its faults at once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.config.polls import AttStatusPoll
from receiver.operations import ledger, watch_ledger
from receiver.outbound.http_client import HttpClient
from receiver.polling import sending
from receiver.polling.identity import authentication
from receiver.polling.sending import request_body
from receiver.polling.watch import fault
from receiver.simulate.att_gateway.scenario import Faults, Gateway, Scenario, Sms
from tests.support.att_gateways import SimulatedGateway, gateway
from tests.support.outboxes import Watched
from tests.support.valkey import Valkey

MESSAGES = 40
NUMBERS = ("+12065550100", "+12065550101")
WORDS = {"DeliveredToTerminal": "delivered", "DeliveryImpossible": "failed"}
CLIENT = ("simulated-client", "simulated-secret")
FAULTS = Faults(
    cut_fin=0.1,
    cut_rst=0.05,
    no_answer=0.05,
    drip=0.02,
    drip_seconds=0.2,
    unavailable=0.03,
    unauthorised=0.05,
    shapes=0.3,
)


@pytest.fixture
def double() -> Iterator[SimulatedGateway]:
    sms = Sms(final_after=0.3, impossible=0.3)
    with gateway(Scenario(gateway=Gateway(minute=60.0), sms=sms, faults=FAULTS)) as found:
        yield found


@pytest.mark.parametrize("more", ["", 'signature = "oneapi"\nsender = "22627000"\n'])
def test_what_was_handed_over_whole_comes_out_once_and_the_rest_is_unknown(
    valkey: Valkey, tmp_path: Path, double: SimulatedGateway, more: str
) -> None:
    watched = Watched(valkey, double, tmp_path, more, CLIENT)
    to = [f"tel:{number}" for number in NUMBERS]
    sent = [double.control("sent", address=to, text="a text")["id"] for _ in range(MESSAGES)]
    watched.ask_for(*sent)

    def over() -> bool:
        watched.later()
        return watched.ended()

    watched.poll(over, within=120)
    (books,) = watch_ledger.read(watched.redis)
    assert books.balanced
    assert (books.watched, books.open, books.expired) == (MESSAGES, 0, 0)
    events = [event["data"] for event in watched.events()]
    assert ledger.read(watched.redis).balanced
    final = Counter((each["messageId"], each["to"]) for each in events if each["final"])
    assert set(final.values()) == {1}
    known = {(each["messageId"], each["to"]): each["status"] for each in events if each["final"]}
    whole = {
        page["subject"]
        for page in double.books()["pages"]
        if page["route"] == "status" and page["end"] == "whole"
    }
    assert MESSAGES / 2 < len(whole) < MESSAGES
    for one in double.books()["sent"]:
        if one["id"] in whole:
            for address, status in one["statuses"].items():
                number = address.removeprefix("tel:")
                assert known.pop((one["id"], number)) == WORDS[status]
    ended = [name for (name, _), status in known.items() if status == "unknown"]
    assert len(ended) == len(set(ended)) == books.gone


@pytest.mark.parametrize("more", ["", 'signature = "oneapi"\nsender = "22627000"\n'])
def test_a_message_of_ours_is_taken_and_has_an_id_that_can_be_watched(
    valkey: Valkey, tmp_path: Path, more: str
) -> None:
    with gateway() as double:
        watched = Watched(valkey, double, tmp_path, more, CLIENT)
        (poll,) = watched.settings.polls
        assert isinstance(poll, AttStatusPoll)

        async def send() -> str:
            http = HttpClient(keep_alive=False)
            try:
                who = authentication(poll, watched.settings.poll_variables, http)
                return await sending.send(poll, who, http, request_body(NUMBERS[0], "a text"))
            finally:
                await http.close()

        sent = asyncio.run(send())
        assert fault(sent) == ""
        assert [one["id"] for one in double.books()["sent"]] == [sent]
