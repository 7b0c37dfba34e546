"""Which processes a change of `receiver.toml` replaces: those that go by what has changed."""

from pathlib import Path

import pytest

from receiver.config import settings
from workers.processes.plan import Plan

LISTENER = '[[listener]]\nname = "promo"\n'
HOOK = '[[sink]]\nname = "hook"\nkind = "http"\nurl = "https://hooks.example.com/a"\n'
COPY = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\n'
NORMALISE, PARKING, OF_HOOK, OF_COPY = "normalise", "parking", "forward hook", "forward copy"


def plan(directory: Path, text: str) -> Plan:
    file = directory / "receiver.toml"
    file.write_text(text)
    environ = {"RECEIVER_CONFIG": str(file), "RECEIVER_PARK_DIR": str(directory)}
    return Plan(settings.load(environ))


@pytest.mark.parametrize(
    ("listener", "hook", "copy", "replaced"),
    [
        ("", "", "", set()),
        ("max_per_second = 5\n", "", "", set()),  # the web process admits
        ("inbox_text = true\n", "", "", set()),
        ('zone = "Asia/Manila"\n', "", "", {NORMALISE}),
        ('region = "PH"\n', "", "", {NORMALISE}),
        ('repeats = "publish"\n', "", "", {NORMALISE}),
        ("", "concurrency = 2\n", "", {OF_HOOK}),
        ("", 'secrets_env = ["SECRET"]\n', "", {OF_HOOK}),
        ("", "", "max_length = 5\n", {OF_COPY}),
        ("", 'types = ["sms.*"]\n', "", {OF_HOOK, PARKING}),
        ("", "share = 5\n", "", {OF_HOOK, PARKING}),
        ("", "", 'when_full = "shed"\n', {OF_COPY, PARKING}),
        ("", "timeout = 5\n", "", {OF_HOOK, PARKING, NORMALISE}),  # jobs have its time
    ],
)
def test_a_change_replaces_the_workers_that_go_by_it_and_no_others(
    tmp_path: Path, listener: str, hook: str, copy: str, replaced: set[str]
) -> None:
    before = plan(tmp_path, LISTENER + HOOK + COPY)
    after = plan(tmp_path, LISTENER + listener + HOOK + hook + COPY + copy)
    assert {" ".join(work).strip() for work in before.works} == {
        *(NORMALISE, PARKING, OF_HOOK, OF_COPY)
    }
    changed = [work for work in after.works if before.basis(work) != after.basis(work)]
    assert {" ".join(work).strip() for work in changed} == replaced


def test_a_new_sink_is_rung_for_by_new_normalise_workers(tmp_path: Path) -> None:
    before, after = plan(tmp_path, HOOK), plan(tmp_path, HOOK + COPY)
    [normalise] = {work for work in after.works if work.kind == "normalise"}
    assert before.basis(normalise) != after.basis(normalise)
