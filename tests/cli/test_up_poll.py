"""`receiver up` polls where receiver.toml says so."""

import signal
from pathlib import Path
from typing import Any

from tests.support.att_gateways import gateway
from tests.support.eventually import eventually
from tests.support.polling import Polled, configured
from tests.support.put import put
from tests.support.up import Up
from tests.support.valkey import Valkey


def test_what_is_polled_comes_out_too_and_nothing_is_left_running(
    valkey: Valkey, tmp_path: Path
) -> None:
    with gateway() as double:
        double.control("mo", text="fetched")
        polled = Polled(valkey, tmp_path, "")
        environ: Any = polled.environ
        with Up(tmp_path, **environ) as up:
            up.events(3)
            unset = configured(double.url).replace("ATT_APP_KEY", "NOT_SET")
            put(tmp_path / "receiver.toml", unset)  # what runs goes on
            eventually(lambda: "NOT_SET is not set" in up.said())
            put(tmp_path / "receiver.toml", configured(double.url))  # it is seen by itself
            assert [event["data"]["text"] for event in up.events(1)] == ["fetched"]
            eventually(lambda: any("receiver poll" in one for one in up.left().values()))
            up.end(signal.SIGINT)
            eventually(lambda: not up.left())
        assert polled.outcomes() == {"messages": 1}
