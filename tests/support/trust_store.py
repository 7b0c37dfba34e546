"""The system's certificates, read once for all HTTP clients of a process and of those it forks.

To read them takes 20 ms of a core, and the suite makes thousands of clients, nearly all of them for
plain HTTP. A context may be shared: nobody changes one.
"""

import ssl
from functools import cache

import httpcore2

_read = httpcore2.default_ssl_context


def read_once() -> None:
    """Have httpx2 read them once, wherever no variable of the environment may name others."""
    vars(httpcore2)["default_ssl_context"] = _context


def _context(*, _trust_env: bool = True) -> ssl.SSLContext:
    return _read() if _trust_env else _of_the_system()


@cache
def _of_the_system() -> ssl.SSLContext:
    return _read(_trust_env=False)
