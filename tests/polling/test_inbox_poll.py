"""Messages of an inbox come out, each once, in either signature and whatever their page looks
like.
"""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from receiver.polling.pages import Fetched, Pages
from receiver.simulate.att_gateway.scenario import Fault, Gateway, Scenario
from tests.support.att_gateways import SimulatedGateway, gateway
from tests.support.polling import REGISTRATION, Polled, configured
from tests.support.threaded import threaded
from tests.support.valkey import Valkey


@pytest.fixture
def double() -> Iterator[SimulatedGateway]:
    with gateway(Scenario(gateway=Gateway(page_size=3))) as found:
        yield found


@pytest.fixture
def polled(valkey: Valkey, tmp_path: Path, double: SimulatedGateway) -> Polled:
    return Polled(valkey, tmp_path, configured(double.url))


def test_every_page_is_one_notification_and_every_message_an_event(
    polled: Polled, double: SimulatedGateway
) -> None:
    for number in range(7):
        double.control("mo", text=f"text {number}", sender="tel:+12065550100")
    done = polled.once()
    assert (done.outcome, done.trouble) == ("messages", "")
    first, *_ = pages = polled.inbound()
    assert len(pages) == 3
    assert first.asked == f"/sms/v3/messaging/inbox/{REGISTRATION}"
    assert first.body.startswith(b'{"InboundSmsMessageList":{"InboundSmsMessage":[{"MessageId"')
    events = polled.events()
    assert [event["data"]["text"] for event in events] == [f"text {n}" for n in range(7)]
    assert len({event["id"] for event in events}) == 7
    assert {key: events[0][key] for key in ("source", "subject", "identitybasis", "timebasis")} == {
        "source": "/att/sms/inbox/promo",
        "subject": "+12065550100",
        "identitybasis": "none",
        "timebasis": "receipt",
    }
    assert events[0]["data"]["to"] == REGISTRATION
    assert polled.pages() == []
    assert polled.outcomes() == {"messages": 3}
    assert polled.state()["messages"] == "7"
    assert double.verdict(polled.texts())["lost"] == 0


def test_an_empty_inbox_leaves_nothing_but_a_count(polled: Polled) -> None:
    assert polled.once().outcome == "empty"
    assert (polled.inbound(), polled.rejected(), polled.pages()) == ([], [], [])
    assert polled.outcomes() == {"empty": 1}


@pytest.mark.parametrize("shape", ["object", "ints", "empty", "lower_camel", "xml", "latin1"])
@pytest.mark.parametrize("signature", ["att", "oneapi"])
def test_every_shape_comes_out(
    valkey: Valkey, tmp_path: Path, double: SimulatedGateway, shape: str, signature: str
) -> None:
    polled = Polled(valkey, tmp_path, configured(double.url, f'signature = "{signature}"'))
    double.control("mo", text="Grüße, <b> & \\", sender="tel:+12065550100")
    double.control("faults", effect="shape", shape=shape, times=9)
    assert polled.once().outcome == "messages"
    assert polled.texts() == ["Grüße, <b> & \\"]
    assert polled.events()[0]["data"]["to"] == REGISTRATION


def test_equal_texts_all_come_out(polled: Polled, double: SimulatedGateway) -> None:
    for _ in range(5):
        double.control("mo", text="STOP", sender="tel:+12065550100")
    polled.once()
    assert polled.texts() == ["STOP"] * 5


def test_a_page_of_bad_json_is_salvaged_and_kept_whole(
    polled: Polled, double: SimulatedGateway
) -> None:
    for number in range(3):
        double.control("mo", text=f"text {number}")
    double.control("faults", effect="shape", shape="bad_json")
    assert polled.once().outcome == "unreadable"
    assert polled.texts() == ["text 0", "text 1", "text 2"]
    (kept,) = polled.rejected()
    assert kept.body.endswith(b"}")
    assert kept.reason.startswith(f"page of {len(kept.body)} bytes: body: not JSON")
    assert kept.receipt == polled.inbound()[0].receipt


@pytest.mark.parametrize("effect", ["cut_fin", "cut_rst"])
def test_of_a_cut_page_what_is_whole_comes_out_and_the_rest_is_kept(
    polled: Polled, double: SimulatedGateway, effect: str
) -> None:
    for number in range(3):
        double.control("mo", text=f"text {number}")
    double.control("faults", effect=effect, at=0.6)
    assert polled.once().outcome == "cut"
    assert polled.texts()[:1] == ["text 0"]
    (kept,) = polled.rejected()
    assert kept.reason.startswith("page of ")
    assert kept.body.startswith(b'{"InboundSmsMessageList"')
    assert (polled.outcomes(), polled.pages()) == ({"cut": 1}, [])
    assert double.verdict(polled.texts())["lost"] == 0


def test_no_answer_at_all_is_counted_and_asked_again_at_once(
    polled: Polled, double: SimulatedGateway
) -> None:
    double.control("mo", text="gone")
    double.control("faults", effect="no_answer", route="inbox")
    polled.until(lambda: len(polled.outcomes()) > 1)
    assert polled.outcomes() == {"at_risk": 1, "empty": 1}
    assert polled.state()["failures"] == "0"


def test_a_gateway_that_always_has_more_is_asked_until_a_page_is_empty(
    polled: Polled, double: SimulatedGateway
) -> None:
    double.control("mo", text="one")
    double.control("faults", effect="pending_lies", times=0)
    assert polled.once().outcome == "empty"
    assert polled.outcomes() == {"messages": 1, "empty": 1}


def test_a_token_that_ends_between_two_pages_is_renewed(
    polled: Polled, double: SimulatedGateway
) -> None:
    for number in range(6):
        double.control("mo", text=f"text {number}")
    double.control("faults", effect="unauthorised", route="inbox", skip=1)
    assert polled.once().outcome == "messages"
    assert len(polled.texts()) == 6


@pytest.mark.parametrize(
    ("fault", "outcome", "said"),
    [
        (Fault(effect="unauthorised", times=2), "unauthorised", "401 POL0001"),
        (Fault(effect="throttled", times=2), "throttled", "403 POL0001"),
        (Fault(effect="unavailable"), "unreachable", "503"),
        (Fault(effect="status", status=400, code="SVC0002"), "refused", "400 SVC0002"),
        (Fault(effect="status", status=403, code="POL0002", times=2), "unauthorised", "POL0002"),
    ],
)
def test_what_is_refused_removes_nothing_and_says_why(
    polled: Polled, double: SimulatedGateway, fault: Fault, outcome: str, said: str
) -> None:
    double.control("mo", text="stays")
    double.control("faults", **{**msgspec.to_builtins(fault), "route": "inbox"})
    done = polled.once()
    assert done.outcome == outcome
    assert said in done.trouble
    assert (double.inbox(), polled.pages()) == ({"accepted": 1, "waiting": 1}, [])
    assert polled.outcomes() == {outcome: 1}


def test_a_wrong_secret_is_said_and_nothing_is_asked_for(
    polled: Polled, double: SimulatedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = polled.environ | {"ATT_APP_SECRET": "wrong"}
    monkeypatch.setattr(Polled, "environ", environ)
    done = polled.once()
    assert done.outcome == "unauthorised"
    assert done.trouble.startswith("no access token: 401")
    assert "wrong" not in done.trouble


def test_one_that_never_comes_to_an_end_gets_a_hundred_requests_in_a_round(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def endless(_self: Pages, path: str, *_more: object) -> Fetched:
        asked.append(path)
        return Fetched("messages", 200, messages=1, pending=2)

    monkeypatch.setattr(Pages, "fetch", endless)
    assert polled.once().outcome == "messages"
    assert len(asked) == 100


def test_a_redirect_is_not_followed(valkey: Valkey, tmp_path: Path) -> None:
    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("location", "http://127.0.0.1:9/")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirecting)
    with threaded(server):
        url = f"http://127.0.0.1:{server.server_port}"
        done = Polled(valkey, tmp_path, configured(url, 'auth = "basic"')).once()
    assert done.outcome == "refused"
    assert "the gateway answered 302" in done.trouble
