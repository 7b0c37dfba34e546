"""The pages of the console: a module for each, with its routes in `ROUTES`."""

from typing import Final

from receiver.console.app import Page
from receiver.console.pages import audit, live, login, overview

ROUTES: Final[list[Page]] = [*login.ROUTES, *overview.ROUTES, *live.ROUTES, *audit.ROUTES]
