"""`receiver doctor` on subscriptions: what keeps them from living, said before they end."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.config.settings import Settings, load
from receiver.contract.redis_keys import (
    SUBSCRIPTION_SETS,
    subscriptions_lease,
    subscriptions_state,
)
from receiver.doctor.subscriptions import subscriptions
from receiver.metrics import snapshot
from receiver.metrics.scrape import Scrape
from tests.support.examined import GOOD, examined, grave
from tests.support.valkey import Valkey

TOML = """
public_url = "https://hooks.example.com"
[[operator]]
name = "nokia"
reachability = "https://api.example.com/device-reachability-status-subscriptions/v0.8"
auth = { kind = "headers", headers_env = { x-rapidapi-key = "NAC_KEY" } }
[[subscription]]
name = "fleet"
operator = "nokia"
types = ["reachability-data"]
devices = ["+12065550100"]
"""
PUBLIC = "https://hooks.example.com"
LIVES = {"name": "fleet", "operator": "nokia", "wanted": 10, "active": 10, "states": {"active": 10}}


def settings(directory: Path, **environ: str) -> Settings:
    (directory / "receiver.toml").write_text(TOML)
    return load({"RECEIVER_CONFIG": str(directory / "receiver.toml"), **environ})


def found(
    valkey: Valkey, directory: Path, state: dict[str, Any] | None = None, **of_set: Any
) -> dict[str, str]:
    """What is wrong, and how grave it is, where the rest is well. Times are seconds from now."""
    client = valkey.client()
    client.set(subscriptions_lease("nokia"), "somebody")
    sets = json.dumps([LIVES | moments(of_set)])
    well: dict[str, Any] = {"public_url": "https://hooks.example.com", "sets": sets}
    client.hset(subscriptions_state("nokia"), mapping=well | moments(state or {}))
    known = settings(directory)
    return {
        one.what: one.severity for one in subscriptions(known, snapshot.read(client, (), ["nokia"]))
    }


def moments(values: dict[str, Any]) -> dict[str, Any]:
    times = ("circuit_open", "quota_until", "next_end", "renewal_due", "unknown_since")
    now = time.time()
    return {name: now + x if name in times and x else x for name, x in values.items()}


def test_where_a_controller_works_and_all_live_nothing_is_found(
    valkey: Valkey, tmp_path: Path
) -> None:
    assert found(valkey, tmp_path) == {}


def test_no_controller_and_a_secret_that_is_not_set(valkey: Valkey, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text(TOML.replace(PUBLIC, "http://127.0.0.1:9"))
    said = examined(tmp_path, valkey.url, token="")
    assert grave(said, "no controller of the operator nokia lives") == "serious"
    name = "operator 'nokia': the environment variable NAC_KEY is not set"
    assert grave(said, name) == "serious"
    assert ["restart worker" in one["fix"] for one in said.values() if name in one["what"]] == [
        True
    ]
    assert not any("there is no credential" in what for what in said)
    said = examined(tmp_path, valkey.url, token=GOOD, NAC_KEY="k\n2")
    assert grave(said, name.replace("is not set", "holds what no secret has")) == "serious"
    said = examined(tmp_path, valkey.url, token=GOOD, NAC_KEY="kä")
    assert grave(said, "operator 'nokia': x-rapidapi-key: a value of printable ASCII") == "serious"


def test_an_operator_that_nothing_is_subscribed_at_needs_no_controller(
    valkey: Valkey, tmp_path: Path
) -> None:
    known = settings(tmp_path)
    [one, *_] = known.operators
    asked_only = msgspec.structs.replace(known, operators=(one,), subscriptions=())
    state = snapshot.read(valkey.client(), (), ["nokia"])
    assert list(subscriptions(asked_only, state)) == []
    page = asyncio.run(Scrape(asked_only, valkey.client(), lambda: True).text()).decode()
    assert "receiver_operator_controlled{" not in page
    page = asyncio.run(Scrape(known, valkey.client(), lambda: True).text()).decode()
    assert 'receiver_operator_controlled{operator="nokia"} 0.0' in page


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"trouble": "401: who we are is not accepted"}, "serious: the operator nokia: 401: who"),
        ({"public_url": "https://old.example.com"}, "serious: public_url is https://hooks.exa"),
        ({"circuit_open": -60}, "warning: the operator nokia has failed for 1 m"),
        ({"circuit_open": -1200}, "serious: the operator nokia has failed for 20"),
        ({"quota_until": 600}, "warning: the operator nokia gives no more"),
        ({"seconds_ahead": 90}, "warning: the clock of the operator nokia is +90 s off ours"),
        ({"orphans": '[{"id": "a"}, {"id": "b"}]'}, "note: 2 subscriptions at the operator nokia"),
    ],
)
def test_what_is_wrong_with_an_operator(
    valkey: Valkey, tmp_path: Path, state: dict[str, Any], said: str
) -> None:
    [(what, severity)] = found(valkey, tmp_path, state).items()
    assert f"{severity}: {what}".startswith(said)


@pytest.mark.parametrize(
    ("of_set", "said"),
    [
        ({"active": 8}, "warning: 2 of 10 subscriptions of the set fleet do not live"),
        (
            {"active": 7, "states": {"active": 7, "refused": 3}},
            "warning: 3 of 10 subscriptions of the set fleet are refused",
        ),
        (
            {"next_end": 7230, "renewal_due": -7200},
            "serious: a subscription of the set fleet ends in 2.0 hours, and is not being renewed",
        ),
        (
            {"next_end": -7230, "renewal_due": -90000},
            "serious: a subscription of the set fleet was to end 2.0 hours ago, and is not",
        ),
        ({"no_room": 2}, "warning: 2 renewals of the set fleet find no room in the operator's"),
        ({"unknown_since": -1200}, "warning: of an attempt of the set fleet nobody"),
    ],
)
def test_what_is_wrong_with_a_set(
    valkey: Valkey, tmp_path: Path, of_set: dict[str, Any], said: str
) -> None:
    [(what, severity)] = found(valkey, tmp_path, **of_set).items()
    assert f"{severity}: {what}".startswith(said)


def test_one_that_is_renewed_in_time_is_no_alarm(valkey: Valkey, tmp_path: Path) -> None:
    assert found(valkey, tmp_path, next_end=7200, renewal_due=-60) == {}
    assert found(valkey, tmp_path, next_end=7200, renewal_due=None) == {}
    assert found(valkey, tmp_path, unknown_since=-60) == {}
    assert found(valkey, tmp_path, {"seconds_ahead": -30}) == {}


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (("stopped", "refused 3 times: 400"), "serious: the set fleet is stopped: refused 3 times"),
        (("devices", "fleet.txt: line 3: wrong"), "serious: the set fleet: fleet.txt: line 3"),
        (("deletions", "5000"), "warning: 5000 deletions of the set fleet wait"),
    ],
)
def test_what_a_set_waits_for(
    valkey: Valkey, tmp_path: Path, note: tuple[str, str], said: str
) -> None:
    valkey.client().hset(SUBSCRIPTION_SETS, f"fleet:{note[0]}", note[1])
    [(what, severity)] = found(valkey, tmp_path).items()
    assert f"{severity}: {what}".startswith(said)


def test_where_our_url_is_refused_the_tag_behind_it_is_named(
    valkey: Valkey, tmp_path: Path
) -> None:
    why = "refused 3 times: 400 INVALID_SINK"
    valkey.client().hset(SUBSCRIPTION_SETS, "fleet:stopped", why)
    found(valkey, tmp_path)
    state = snapshot.read(valkey.client(), (), ["nokia"])
    [one] = subscriptions(settings(tmp_path), state)
    assert one.fix.startswith("sink_tag = false")
