"""The verdict of a simulated gateway on a client that loses, repeats, or dies."""

import re
import socket
import time

from receiver.simulate.att_gateway.scenario import Faults, Gateway, Scenario
from tests.support.att_gateways import INBOX, SimulatedGateway, gateway
from tests.support.eventually import eventually


def test_the_verdict_names_what_a_client_lost_and_what_it_published_twice(
    double: SimulatedGateway,
) -> None:
    double.control("mo", text="equal", count=3)
    double.control("mo", text="once")
    double.control("mo", text="unread", registration="1")
    double.read()
    good = double.verdict(["equal", "once", "equal", "equal", "of somebody else"])
    assert (good["faults"], good["handed"], good["published"], good["waiting"]) == ([], 4, 4, 1)
    bad = double.verdict(["equal", "once", "once", "once", "equal"])
    assert (bad["lost"], bad["duplicated"]) == (1, 2)
    assert bad["examples"] == {"lost": ["equal"], "duplicated": ["once"]}
    assert bad["faults"] == [
        "1 handed over and lost",
        "2 published more often than handed over",
    ]


def test_what_nobody_can_know_of_may_come_out_once_or_not_at_all(
    double: SimulatedGateway,
) -> None:
    double.control("mo", text="a" * 100)
    double.control("mo", text="b" * 100)
    double.control("faults", effect="cut_fin", route="inbox", at=0.6)
    double.raw()
    inside, beyond = "a" * 100, "b" * 100
    for published, lost, duplicated in (
        ([inside], 0, 0),
        ([inside, beyond], 0, 0),
        ([beyond], 1, 0),
        ([inside, beyond, beyond], 0, 1),
    ):
        found = double.verdict(published)
        assert (found["lost"], found["duplicated"]) == (lost, duplicated)
        assert (found["window"], found["handed"]) == (1, 1)


def test_a_client_that_dies_with_unread_bytes_is_told_from_one_that_read_all(
    double: SimulatedGateway,
) -> None:
    double.control("mo")
    host, _, port = double.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"GET {INBOX} HTTP/1.1\r\nhost: x\r\nauthorization: "
        request = f"{head}{double.token()['authorization']}\r\nconnection: close\r\n\r\n"
        connection.sendall(request.encode())
        eventually(lambda: double.inbox().get("handed_whole"))
        assert double.verdict([])["lost"] == 1
    eventually(lambda: double.verdict([])["window"])
    assert double.verdict([])["lost"] == 0


def test_a_test_can_say_that_the_client_was_killed(double: SimulatedGateway) -> None:
    double.control("mo", text="before")
    double.raw()
    eventually(lambda: double.books()["pages"][0]["closed"])
    killed = time.time()
    double.control("mo", text="then")
    double.raw()
    assert double.control("killed", at=killed) == {"pages": [2]}
    found = double.verdict([])
    assert (found["lost"], found["window"], found["examples"]["lost"]) == (1, 1, ["before"])


ALL_AT_ONCE = Faults(
    cut_fin=0.1,
    cut_rst=0.05,
    no_answer=0.05,
    stall=0.02,
    drip=0.02,
    unavailable=0.1,
    unauthorised=0.1,
    shapes=0.5,
    pending_lies=0.2,
    same_text=0.2,
    stall_seconds=0.02,
    drip_seconds=0.02,
)
COMPLETE = re.compile(
    rb'"message":"(message \d{7})","senderaddress":"[^{}]*}'
    rb"|<message>(message \d{7})</message><senderaddress>[^<]*</senderaddress></",
    re.IGNORECASE,
)


def test_under_every_fault_at_once_the_records_add_up_and_judge_each_client_rightly() -> None:
    with gateway(
        Scenario(seed=3, gateway=Gateway(minute=60, page_size=5), faults=ALL_AT_ONCE)
    ) as double:
        double.control("mo", count=400)
        answers = []
        while double.inbox().get("waiting"):
            answers.append(double.raw())
        eventually(lambda: all(page["closed"] for page in double.books()["pages"]))
        pages = double.books()["pages"]
        assert {page["end"] for page in pages} == {"whole", "fin", "rst", "unanswered"}
        assert len({page["shape"] for page in pages}) == 10
        found = double.inbox()
        salvaged = [(a or b).decode() for one in answers for a, b in COMPLETE.findall(one)]
        good = double.verdict(salvaged)
        assert (good["lost"], good["duplicated"], good["faults"]) == (0, 0, [])
        assert good["window"] == found["cut_beyond"] + found["never_answered"] + found["uncertain"]
        assert good["handed"] + good["window"] == 400
        assert double.verdict(salvaged + salvaged[:7])["duplicated"] > 0
        careless = [one for one in answers if one.endswith((b"}}", b">"))]
        kept = [(a or b).decode() for one in careless for a, b in COMPLETE.findall(one)]
        lost = double.verdict(kept)["lost"]
        assert lost == good["handed"] - len(kept) > 0
