"""Load the Lua scripts that run in Redis: a file beside its caller, and what it includes.

A line `-- include PACKAGE NAME` stands for the text of `NAME.lua` in that package, once per script.
Every call runs the whole text, which costs time for each function in it: a script includes what it
uses and no more. A script that a full server is to run too says so in its first line:
`#!lua flags=allow-oom`. Of what it includes that line is left out.
"""

import functools
import re
from importlib.resources import files
from typing import Final

_FLAGS: Final = re.compile(r"^#!.*\n")
_INCLUDE: Final = re.compile(r"^-- include (\S+) (\S+)\n", re.MULTILINE)


@functools.cache
def load(package: str, name: str) -> str:
    """Return the script `name` of this package, as Redis is to get it."""
    read: set[tuple[str, str]] = set()

    def text(package: str, name: str) -> str:
        if (package, name) in read:
            return ""
        read.add((package, name))
        own = files(package).joinpath(f"{name}.lua").read_text("utf-8")
        return _INCLUDE.sub(lambda found: _FLAGS.sub("", text(found[1], found[2])), own)

    return text(package, name)
