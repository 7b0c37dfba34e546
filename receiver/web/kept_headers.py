"""Which headers of a request are stored, and never a credential: of refused requests all others, of
accepted ones those that `RECEIVER_KEEP_HEADERS` names.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from receiver.auth.bearer import tokens
from receiver.config.header_names import MOST, SECRET
from receiver.web.request import Request
from receiver.web.responses import Headers

LONGEST: Final = 256
"""Bytes of a value that are kept with an accepted notification."""
_SECRET_VALUE: Final = re.compile(
    rb"access_token|^\s*(bearer|basic|digest|negotiate)\s|(?<![\w-])(?>[\w-]*?eyJ)[\w-]{8,}+\.",
    re.IGNORECASE,
).search
"""Finds what a value has of a token: a URL of ours, a scheme before it, a JWT's beginning. That is
looked for once in each run of its characters: what begins later in one ends with it too."""


def without_secrets(request: Request, headers: Headers) -> Iterable[tuple[str, str]]:
    """Yield those of a request's headers that may be kept: none that is named like a secret or
    holds the credential, or what looks like one.

    Proxies repeat the URL, and with it `access_token`, in headers such as `X-Original-URI`.
    """
    own = tokens(request.headers, request.query)
    for name, value in headers:
        plain = unquote_to_bytes(value)
        known = any(token in value or token in plain for token in own)
        if not (known or SECRET(name) or _SECRET_VALUE(plain)):
            yield name.decode("latin-1"), value.decode("latin-1")


def chosen(request: Request, names: frozenset[bytes]) -> tuple[tuple[str, str], ...]:
    """Return those of an accepted request's headers that are named: at most `MOST`, of each value
    the first `LONGEST` bytes.
    """
    named = [pair for pair in request.headers if pair[0] in names][:MOST]
    return tuple((name, value[:LONGEST]) for name, value in without_secrets(request, named))
