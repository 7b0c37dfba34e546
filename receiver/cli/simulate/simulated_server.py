"""What the commands that simulate share: the seed, a server's scenario and its address."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from receiver.cli.terminal import setup
from receiver.simulate.scenario import ScenarioError

S = TypeVar("S", bound=msgspec.Struct)

seed_option = click.option(
    "--seed",
    type=click.IntRange(0),
    help="Seed of all random choices.  [default: the scenario's, or 1]",
)


def scenario(load: Callable[[Path], S], default: S, path: Path | None, seed: int | None) -> S:
    """Return the scenario of a file, or the default one, with this seed where one is given. Raises
    `setup.Refused`.
    """
    with setup.refused(ScenarioError):
        found = load(path) if path else default
    more: dict[str, Any] = {} if seed is None else {"seed": seed}
    return msgspec.structs.replace(found, **more)


def base_url(host: str, port: int) -> str:
    """Return the URL of a server there. Raises `setup.Refused` if nothing can listen there."""
    if why := setup.port_fault(host, port):
        shown = host if host.isprintable() else ascii(host)
        raise setup.Refused(f"--host {shown} --port {port}: {why}; set another --port")
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
