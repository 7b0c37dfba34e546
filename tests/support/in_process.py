"""A web process's application in this process, where its bounds can be made small."""

from contextlib import AbstractContextManager

from receiver.config.settings import load
from receiver.web.app import build
from tests.support import wired


def serving(**environ: str) -> AbstractContextManager[int]:
    """Serve an application with this environment for the length of the block; its port."""
    return wired.serving(build(load(environ)))
