"""The doctor looks at everything else where `receiver.toml` is broken, and says that it is."""

import json
import time
from pathlib import Path
from typing import Any

from receiver.contract.redis_keys import EVENTS, SINKS, forward_group, sink_parking, sink_state
from receiver.polling import watch_list
from tests.support.commands import run
from tests.support.valkey import Valkey


def test_a_broken_file_is_a_finding_and_no_end(valkey: Valkey, tmp_path: Path) -> None:
    (tmp_path / "receiver.toml").write_text('[[sink]]\nname = "a"\nkind = "htp"\n[[sink]]\n')
    done = run(tmp_path, "doctor", "--json", REDIS_URL=valkey.url)
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    [one] = [each for each in findings if "receiver.toml" in each["what"]]
    assert (done.returncode, one["severity"]) == (1, "serious")
    assert "line 3: sink 1, kind" in one["what"]
    assert one["fix"].startswith("receiver config check")
    assert len(findings) > 1


def test_nothing_is_said_to_be_in_a_broken_file_no_more(valkey: Valkey, tmp_path: Path) -> None:
    client: Any = valkey.client()
    client.xgroup_create(EVENTS, forward_group("billing"), id="0", mkstream=True)
    client.hset(SINKS, mapping={"billing:begun": 1, "billing:configured": 1})
    client.hset(sink_parking("billing"), mapping={"total": 9, "returned": 0, "place": "p"})
    watch_list.add(client, "promo", "SMS1")
    found = []
    for text in ("", "[[sink]]\n"):
        (tmp_path / "receiver.toml").write_text(text)
        done = run(tmp_path, "doctor", "--json", REDIS_URL=valkey.url)
        whats = [json.loads(line)["what"] for line in done.stdout.splitlines()]
        found.append([what for what in whats if "billing" in what or "promo" in what])
    assert [len(each) for each in found] == [3, 0]


def test_a_sink_that_workers_have_is_examined_beside_a_broken_file(
    valkey: Valkey, tmp_path: Path
) -> None:
    """They go on with what the file said before: what is wrong there is still so."""
    client: Any = valkey.client()
    client.xgroup_create(EVENTS, forward_group("billing"), id="0", mkstream=True)
    client.hset(SINKS, "billing:configured", int(time.time() * 1000))
    client.hset(sink_state("billing"), "stopped", "status 410")
    client.hset(sink_parking("billing"), mapping={"total": 9, "returned": 0, "place": "p"})
    (tmp_path / "receiver.toml").write_text("[[sink]]\n")
    done = run(tmp_path, "doctor", "--json", REDIS_URL=valkey.url)
    whats = [json.loads(line)["what"] for line in done.stdout.splitlines()]
    found = [what for what in whats if "billing" in what]
    assert found == ["the sink billing is stopped: status 410"]
