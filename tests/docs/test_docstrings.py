"""Every function's docstring begins with a verb in the base form: what the function does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERBS = """
    Acknowledge Add Adjust Adopt Allow Answer Append Apply Ask Authenticate Begin Bind Build Call
    Cancel Change Check Claim Clear Close Collect Compare Compute Configure Continue Convert Copy
    Count Create Cut Decide Decode Delete Deliver Derive Describe Digest Do Drop Empty Encode End
    Enqueue Erase Expect Explain Export Extend Fail Feed Fetch Fill Find Finish Follow Forget
    Format GET Generate Get Give Group Handle Have Hide Hold Insert Install Interrupt Issue Keep
    Lead Lease Leave Let Limit List Load Lock Log Look Make Manage Mark Mask Match Measure Merge
    Move Name Normalise Note Notice Open Pack Parse Pass Poll Post Prepare Print Process Publish
    Put Queue Raise Read Record Redirect Refuse Register Release Remember Remove Renew Replace
    Replay Report Request Requeue Require Reset Resolve Respond Restart Restore Retire Retry Return
    Revoke Ring Route Run Save Say Schedule Search Send Serve Set Settle Show Sign Simulate Skip
    Sort Split Start Step Stop Store Stream Subscribe Sweep Take Tell Test Trim Try Turn Update Use
    Verify Wait Warn Watch Wire Work Write Yield
"""
"""A new verb is one more word here; a pronoun, an article or `Whether` is none."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(body: list[ast.stmt], name: str = "") -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from functions(node.body, f"{name}{node.name}.")
        elif isinstance(node, Function) and node.name != "__init__":  # which tells its arguments
            yield name + node.name, node


def without_verb(source: str) -> list[str]:
    return [
        name
        for name, function in functions(ast.parse(source).body)
        if not begins_with_verb(ast.get_docstring(function), name)
    ]


def begins_with_verb(docstring: str | None, name: str) -> bool:
    if docstring is None:
        return any(part.startswith("_") for part in name.split("."))  # private: it needs none
    return docstring.split()[0].rstrip(",;:.") in VERBS.split()


PACKAGES = sorted(path.parent for path in (ROOT / "receiver").glob("*/__init__.py"))


@pytest.mark.parametrize("package", [*PACKAGES, ROOT / "workers"], ids=lambda path: path.name)
def test_docstrings_begin_with_a_verb(package: Path) -> None:
    faults = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in sorted(package.rglob("*.py"))
        for name in without_verb(file.read_text())
    ]
    assert faults == []


@pytest.mark.parametrize("docstring", ["It.", "Whether it holds.", "The key.", "It, or none."])
def test_a_docstring_without_a_verb_is_seen(docstring: str) -> None:
    source = f'class Known:\n    def holds(self) -> bool:\n        """{docstring}"""\n'
    assert without_verb(source) == ["Known.holds"]
    assert without_verb(source.replace(docstring, "Return whether it holds.")) == []
    assert without_verb(source.replace("holds(", "_holds(")) == ["Known._holds"]
    assert without_verb("def held() -> bool: ...") == ["held"]
    assert without_verb("def _held() -> bool: ...") == []
