"""TypeScript types generated from the schemas, and a consumer that is compiled with them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from receiver.schemas import json_schema
from tests.support.commands import ROOT

MODULES = ROOT / "node_modules"
PROGRAMS = [MODULES / ".bin" / name for name in ("json2ts", "tsc")]
CONSUMER = """
import type { Events } from "./events";

export function handle(event: Events): string {
  switch (event.type) {
    case "sms.message.received.v1":
      return `${event.data.from}: ${event.data.text} ${event.data.decodedText?.[0]?.text ?? ""}`;
    case "sms.delivery.updated.v1":
      return event.data.final ? event.data.status : "not yet";
    case "device.reachability.changed.v1":
      return `${event.subject ?? "?"} ${event.data.reachable} ${event.data.connectivity?.length}`;
    case "device.roaming.changed.v1":
      return `${event.data.countryCode ?? 0}`;
    default:
      return `${event.id} ${event.time} ${event.dataschema}`;
  }
}
"""
WRONG = [
    ('"sms.delivery.updated.v1"', '"sms.delivery.update.v1"'),
    ("event.data.text}", "event.data.txt}"),
    ("event.data.status :", "event.data.late :"),
    ("event.data.connectivity?.length", "event.data.countryCode"),
]


@pytest.mark.skipif(
    not shutil.which("node") or not all(program.exists() for program in PROGRAMS),
    reason="node and `npm install --no-save json-schema-to-typescript@15 typescript@5` are needed",
)
def test_a_consumer_compiles_with_the_types_and_one_that_is_wrong_does_not(tmp_path: Path) -> None:
    (tmp_path / "events.json").write_bytes(json_schema.encoded(json_schema.EVERY))
    json2ts, tsc = PROGRAMS
    made = compiled(
        [json2ts, "--additionalProperties=false", "-i", "events.json", "-o", "events.d.ts"],
        tmp_path,
    )
    assert made.returncode == 0, made.stderr
    programs = {"consumer.ts": CONSUMER}
    for number, (right, wrong) in enumerate(WRONG):
        assert right in CONSUMER
        programs[f"wrong{number}.ts"] = CONSUMER.replace(right, wrong)
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
    done = compiled([tsc, "--noEmit", "--strict", *programs], tmp_path)
    faulty = {line.partition("(")[0] for line in done.stdout.splitlines() if "error TS" in line}
    assert faulty == set(programs) - {"consumer.ts"}, done.stdout


def compiled(command: "list[Path | str]", directory: Path) -> "subprocess.CompletedProcess[str]":
    environ = {"PATH": os.environ["PATH"], "HOME": str(directory)}
    return subprocess.run(
        list(map(str, command)),
        cwd=directory,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
