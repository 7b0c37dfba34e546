"""The pages of the console: a module for each, with its routes in `ROUTES`."""

from typing import Final

from receiver.console.app import Page
from receiver.console.pages import (
    audit,
    credentials,
    dead_letters,
    exports,
    live,
    login,
    overview,
    rejected,
    sample,
    search,
    sink_replay,
    sinks,
    state,
    story,
    tasks,
)

_PAGES: Final = (
    *(login, overview, live, story, search, dead_letters, rejected, sinks, sink_replay),
    *(credentials, state, tasks, audit, sample, exports),
)
ROUTES: Final[list[Page]] = [route for page in _PAGES for route in page.ROUTES]
