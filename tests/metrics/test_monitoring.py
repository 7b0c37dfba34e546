"""Alerts, dashboard and the page about them name what there is, and all of it."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.polling import watch_list
from tests.support.commands import ROOT
from tests.support.fronts import DEPLOY, tool
from tests.support.polling import configured
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

RULES = DEPLOY / "monitoring/alerts.yml"
DASHBOARD = DEPLOY / "monitoring/dashboard.json"
PAGE = (ROOT / "docs/operating.md").read_text("utf-8")
METRIC = re.compile(r"\breceiver_[a-z_]+\b")
SINK = '[[sink]]\nname = "billing"\nkind = "redis-stream"\nstream = "billing:events"\n'
POLL = configured("https://gateway.example.com")


@pytest.fixture
def told(valkey: Valkey, tmp_path: Path) -> Iterator[set[str]]:
    """The names of everything that a receiver with a sink, a poll and a spool tells."""
    (tmp_path / "receiver.toml").write_text(SINK + POLL)
    running = Receiver(valkey, tmp_path, RECEIVER_SPOOL_DIR=str(tmp_path / "spool"))
    try:
        running.start()
        running.acknowledged("/att/sms/mo", mo())
        watch_list.add(valkey.client(), "promo", "SMS1")
        running.settled()
        text = running.get("/metrics").data.decode()
        yield set(re.findall(r"^# HELP (\S+)", text, re.MULTILINE))
    finally:
        running.stop()


def rules() -> list[dict[str, Any]]:
    [group] = msgspec.yaml.decode(RULES.read_bytes())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def dashboard() -> list[str]:
    """Every expression of the dashboard."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_alerts_and_dashboard_ask_for_what_is_told_and_the_page_has_all_of_it(
    told: set[str],
) -> None:
    asked = {
        name
        for expr in [*dashboard(), *(one["expr"] for one in rules())]
        for name in METRIC.findall(expr)
    }
    assert {name.removesuffix("_bucket") for name in asked} <= told
    assert set(METRIC.findall(PAGE)) == told


def test_every_alert_is_on_the_page_and_says_where_to_read_on() -> None:
    for one in rules():
        assert f"| `{one['alert']}` | {one['labels']['severity']} |" in PAGE
        base, page, heading = re.split(r"}}|#", one["annotations"]["runbook_url"])
        assert base == '{{ or $externalLabels.runbooks "docs/" '
        text = (ROOT / "docs" / page).read_text("utf-8").lower()
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert heading in [re.sub(r"[^\w\- ]", "", one).replace(" ", "-") for one in titles]


def test_no_panel_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_promtool_accepts_the_rules_and_they_fire_when_they_should() -> None:
    promtool = tool("promtool")
    for what, file in (("check", RULES), ("test", ROOT / "tests/alerts.yml")):
        done = subprocess.run(
            [promtool, what, "rules", str(file)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
