"""The keys that `receiver.toml` may have, as its types say."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec

from receiver.config.receiver_toml import ConfigFile


def keys(kind: Any = ConfigFile) -> set[str]:
    """`sink.url`, `operator.auth.kind`: each key with the tables around it."""
    return set(_keys(kind, ""))


def _keys(kind: Any, name: str) -> Iterator[str]:
    for table in _tables(kind):
        config = table.__struct_config__
        if config.tag_field:
            yield f"{name}.{config.tag_field}"
        for field in msgspec.structs.fields(table):
            own = f"{name}.{field.name}".removeprefix(".")
            yield own
            yield from _keys(field.type, own)


def _tables(kind: Any) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    if get_origin(kind) is dict:
        return []
    return [each for one in get_args(kind) for each in _tables(one)]
