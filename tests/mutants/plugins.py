"""What is hung into pytest: which test runs which line, and the choice of tests for a mutant."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import Phase, settings

_END_WITHIN = 30
"""Seconds for the rest of a run in which a test has failed."""


class Lines:
    """Records for each test its seconds and the lines that it runs in this process."""

    def __init__(self, directory: Path, files: set[str]) -> None:
        self._wanted = {str(directory / name): name for name in files}
        self._now: set[str] = set()
        self.lines: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._now, begun = set(), time.monotonic()
        if self._wanted:
            threading.settrace(self._call)
            sys.settrace(self._call)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.lines[item.nodeid] = sorted(self._now)
            self.seconds[item.nodeid] = time.monotonic() - begun

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = self._wanted.get(frame.f_code.co_filename)
        if name is None:
            return None
        seen = self._now

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            seen.add(f"{name}:{frame.f_lineno}")
            return line

        return line(frame, event, argument)


class Collected:
    """Records the ids of the tests there are."""

    def __init__(self) -> None:
        self.tests: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.tests = [item.nodeid for item in session.items]


class Chosen:
    """Runs these tests alone, in this order, and remembers the first that fails.

    A test that takes more of the processor than it may, in seconds, ends the process; so does one
    that waits four times as long, or an end of the tests that waits once one has failed.
    """

    def __init__(self, tests: dict[str, float]) -> None:
        self._seconds = tests
        self._order = {name: place for place, name in enumerate(tests)}
        self.failed = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        signal.setitimer(signal.ITIMER_PROF, self._seconds[item.nodeid])
        signal.alarm(int(4 * self._seconds[item.nodeid]))

    def pytest_runtest_teardown(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self._order]
        items.sort(key=lambda item: self._order[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid
            signal.alarm(_END_WITHIN)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed = self.failed or f"import of {report.nodeid}"


class Hurried:
    """Has Hypothesis make fewer examples, and the one that it found no smaller."""

    def pytest_collectstart(self) -> None:
        if Phase.shrink in settings().phases:
            phases = (Phase.explicit, Phase.generate)
            settings.register_profile("mutants", settings(), phases=phases, max_examples=60)
            settings.load_profile("mutants")
