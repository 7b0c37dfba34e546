"""Every public function's docstring begins with a verb in the base form: what the function does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = """
    receiver/auth receiver/carriers receiver/cli receiver/config receiver/contract
    receiver/doctor receiver/events receiver/health receiver/intake receiver/metrics
    receiver/operations receiver/outbound receiver/runtime receiver/schemas receiver/simulate
    receiver/subscriptions receiver/web workers
"""
"""Packages join here once their docstrings are written so."""

VERBS = """
    Acknowledge Leave Add Adopt Allow Answer Append Apply Ask Begin Bind Build Call Cancel Change
    Check Claim Clear Close Collect Compare Compute Configure Continue Convert Copy Count Create
    Decide Decode Delete Deliver Derive Describe Digest Do Drop Encode End Enqueue Erase Expect
    Explain Export Extend Feed Fetch Fill Find Finish Follow Forget Format Generate Get Give Group
    Handle Have Hide Hold Insert Interrupt Issue Keep Lease Let Limit List Load Lock Log Look Make
    Manage Mark Match Measure Merge Move Normalise Note Open Parse Pass Poll Post Prepare Print
    Process Publish Put Queue Raise Read Record Refuse Register Release Remove Renew Replace
    Replay Report Request Requeue Require Reset Resolve Respond Restart Restore Retire Retry
    Return Revoke Ring Route Run Save Say Schedule Send Serve Set Settle Show Simulate Skip Sort
    Split Start Step Stop Store Subscribe Sweep Take Tell Test Trim Try Update Use Verify Wait
    Watch Wire Work Write Yield
"""
"""A new verb is one more word here; a pronoun, an article or `Whether` is none."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def public(body: list[ast.stmt], name: str = "") -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{name}{node.name}.")
            else:
                yield name + node.name, node


def without_verb(source: str) -> list[str]:
    return [
        name
        for name, function in public(ast.parse(source).body)
        if (ast.get_docstring(function) or "-").split()[0].rstrip(",;:.") not in VERBS.split()
    ]


@pytest.mark.parametrize("room", WRITTEN.split())
def test_public_docstrings_begin_with_a_verb(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    faults = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in without_verb(file.read_text())
    ]
    assert files
    assert faults == []


@pytest.mark.parametrize("docstring", ["It.", "Whether it holds.", "The key.", "It, or none."])
def test_a_docstring_without_a_verb_is_seen(docstring: str) -> None:
    source = f'class Known:\n    def holds(self) -> bool:\n        """{docstring}"""\n'
    assert without_verb(source) == ["Known.holds"]
    assert without_verb(source.replace(docstring, "Return whether it holds.")) == []
    assert without_verb("def held() -> bool: ...") == ["held"]
