"""The trace of a notification is a link where somebody said where traces are shown."""

import pytest
from starlette.testclient import TestClient

from receiver.config.settings import Settings, SettingsError, load
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import INBOUND
from tests.console.test_live import receipt
from tests.support.running import mo
from tests.support.valkey import Valkey

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PATTERN = "https://traces.example.com/trace/{trace}?org=1&x="


@pytest.fixture
def settings() -> Settings:
    return load({"RECEIVER_TRACE_URL": PATTERN}, file=False)


def keep(valkey: Valkey, trace: str) -> str:
    kind = "application/json"
    one = Notification("att.sms.mo", "promo", receipt(1), 1, kind, mo(), trace)
    valkey.client().xadd(INBOUND, {"n": encode(one)})
    return f"/n/{receipt(1)}"


def test_the_id_leads_to_where_traces_are_shown(viewer: TestClient, valkey: Valkey) -> None:
    page = viewer.get(keep(valkey, f"00-{TRACE}-00f067aa0ba902b7-01")).text
    assert f'href="https://traces.example.com/trace/{TRACE}?org=1&amp;x="' in page


def test_without_a_trace_there_is_no_link(viewer: TestClient, valkey: Valkey) -> None:
    assert "traces.example.com" not in viewer.get(keep(valkey, "")).text


@pytest.mark.parametrize(
    "value",
    [
        "https://traces.example.com/",
        "https://traces.example.com/{trace}/{trace}",
        "javascript:alert('{trace}')",
        "/trace/{trace}",
        "{trace}",
    ],
)
def test_what_is_no_address_of_a_trace_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="RECEIVER_TRACE_URL"):
        load({"RECEIVER_TRACE_URL": value}, file=False)
