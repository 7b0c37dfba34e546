"""The doctor looks at everything else where `receiver.toml` is broken, and says that it is."""

import json
from pathlib import Path

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
