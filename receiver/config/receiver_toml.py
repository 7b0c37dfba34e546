"""`receiver.toml`: what it may hold, and what is wrong with what it holds."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from receiver.config import config_file, listeners, polls, sinks, subscription_sets
from receiver.config.errors import SettingsError
from receiver.config.listeners import Handshake, Listener, Reader
from receiver.config.polls import Poll
from receiver.config.sinks import SinkSettings
from receiver.config.subscription_sets import Declared
from receiver.config.toml_errors import explain, line_of


class ConfigFile(Declared, frozen=True, forbid_unknown_fields=True):
    """What `receiver.toml` may hold."""

    listener: list[Listener] = msgspec.field(default_factory=list)
    sink: list[SinkSettings] = msgspec.field(default_factory=list)
    reader: list[Reader] = msgspec.field(default_factory=list)
    handshake: Handshake = Handshake()
    poll: list[Poll] = msgspec.field(default_factory=list)


def read(environ: Mapping[str, str]) -> ConfigFile:
    """Read the file that `RECEIVER_CONFIG` names, which must exist, or `receiver.toml`, which need
    not. Raises `SettingsError`.
    """
    named = environ.get("RECEIVER_CONFIG", "").strip()
    path = Path(named or "receiver.toml")
    if not named and not path.exists():
        return ConfigFile()
    try:
        text = config_file.text(path)
        config = msgspec.convert(tomllib.loads(text), ConfigFile)
    except OSError as error:
        raise SettingsError(f"RECEIVER_CONFIG={str(path)!r}: {error.strerror}") from None
    except RecursionError:
        raise SettingsError(f"{path}: it is nested too deep") from None
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {explain(text, str(error))}") from None
    except ValueError as error:  # of TOML, or of the file
        raise SettingsError(f"{path}: {error}") from None
    if said := _first_fault(text, config):
        raise SettingsError(f"{path}: {said}")
    found = [one.beside(path) for one in config.subscription]
    polled = [polls.beside(one, path) for one in config.poll]
    return msgspec.structs.replace(config, subscription=found, poll=polled)


def _first_fault(text: str, config: ConfigFile) -> str:
    names = [one.name for one in config.listener]
    return (
        _listener_fault(text, config.listener)
        or _reader_fault(text, config.reader)
        or _sink_fault(text, config.sink)
        or subscription_sets.first_fault(text, config, names)
        or polls.first_fault(text, config.poll, config.operator)
    )


def _listener_fault(text: str, found: Sequence[Listener]) -> str:
    for index, one in enumerate(found):
        if any(one.name == other.name for other in found[:index]):
            line = line_of(text, "listener", index, "name")
            return f"line {line}: listener {one.name!r} is there twice"
        if wrong := listeners.fault(one):
            line = line_of(text, "listener", index, wrong[0])
            return f"line {line}: listener {one.name!r}, {wrong[0]}: {wrong[1]}"
    return ""


def _reader_fault(text: str, found: Sequence[Reader]) -> str:
    for index, one in enumerate(found):
        if any(one.name == other.name for other in found[:index]):
            line = line_of(text, "reader", index, "name")
            return f"line {line}: reader {one.name!r} is there twice"
    return ""


def _sink_fault(text: str, found: Sequence[SinkSettings]) -> str:
    for index, one in enumerate(found):
        twin = any(one.name == other.name for other in found[:index])
        wrong = ("name", "another sink has it: take another") if twin else sinks.fault(one)
        if wrong:
            line = line_of(text, "sink", index, wrong[0])
            return f"line {line}: sink {one.name!r}, {wrong[0]}: {wrong[1]}"
    return ""
