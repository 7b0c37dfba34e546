"""The scenario file: how much of what is sent, how carriers behave, and which faults occur.

A bad value raises `ScenarioError`: one line that names the file, the line and what is wanted.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from receiver.config.toml_lines import Lines, Place

KINDS: Final = ("mo", "delivery-status", "reachability", "roaming", "sim-swap", "lifecycle")

S = TypeVar("S", bound=Struct)
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
Weight = Annotated[float, Meta(ge=0)]
Whole = Annotated[int, Meta(ge=1)]

MOST: Final = 10_000_000
"""Notifications of one run: they are planned before the first one is sent."""
_LONGEST: Final = 1024 * 1024
"""Bytes of a scenario file."""


class ScenarioError(Exception):
    """The scenario cannot be played; the message is one line for the user."""


class Phase(Struct, frozen=True, forbid_unknown_fields=True):
    """A period at a steady average rate, or a burst: so many at once."""

    rate: Weight = 0
    """Notifications a second, at random moments, as independent senders make them."""
    seconds: Weight = 0
    burst: Annotated[int, Meta(ge=0)] = 0


class Att(Struct, frozen=True, forbid_unknown_fields=True):
    """AT&T's behaviour: 2xx is the acknowledgement; all else is retried (SMS v3: "typically 72
    hours").
    """

    attempts: Whole = 10
    retry_for: Positive = 60.0
    """Seconds that stand for the 72 hours; the pauses double and fill them."""
    empty_message_id: Share = 1.0
    """SMS v3: "for this release, this parameter is empty"."""


class Camara(Struct, frozen=True, forbid_unknown_fields=True):
    """A CAMARA operator's behaviour. How often it tries is specified nowhere; 1 is one shot."""

    subscriptions: Whole = 50
    attempts: Whole = 3
    pause: Positive = 1.0
    """Seconds before the second attempt, doubling; a longer Retry-After goes first."""


class Trouble(Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of all notifications with a fault; each of these happens on real networks."""

    duplicates: Share = 0.02
    """Sent once more although they may have been acknowledged, soon or at the very same moment."""
    reordered: Share = 0.02
    """Held back for up to two seconds, behind later ones."""
    shared_ids: Share = 0.02
    """CAMARA: the id of the event before, with another type, as in the official examples."""
    slow: Share = 0.001
    """The body comes in pieces, over a second."""
    broken: Share = 0.002
    """The first connection ends within the body, or before the answer."""
    malformed: Share = 0.002
    oversized: Share = 0.0002
    """Two megabytes."""
    strangers: Share = 0.002
    """A wrong token, or none."""


class Paths(Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The receiver's path for each kind; a receiver that is not ours has others."""

    mo: str = "/att/sms/mo"
    delivery_status: str = "/att/sms/delivery-status"
    camara: str = "/camara/notifications"


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """One run, but for its seed's randomness and its name."""

    seed: int = 1
    phase: tuple[Phase, ...] = (Phase(rate=100, seconds=10), Phase(burst=500), Phase(50, 10))
    count: Annotated[int, Meta(ge=1, le=MOST)] | None = None
    """Stop after so many, whatever the phases say."""
    connections: Whole = 128
    timeout: Positive = 10.0
    """Seconds the carrier waits for an answer."""
    settle: Positive = 30.0
    """Seconds after the last answer within which everything has to have come out."""
    mix: dict[str, Weight] = field(
        default_factory=lambda: dict(zip(KINDS, (4, 4, 3, 1, 0.5, 0.5), strict=True))
    )
    att: Att = Att()
    camara: Camara = Camara()
    trouble: Trouble = Trouble()
    paths: Paths = Paths()

    @property
    def expected(self) -> int:
        """Return about how many notifications the scenario makes."""
        total = round(sum(each.rate * each.seconds + each.burst for each in self.phase))
        return min(total, self.count or total)


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises `ScenarioError`."""
    found = read(path, Scenario)
    _check(path, found)
    return found


def read(path: Path, kind: type[S]) -> S:
    """Read a scenario of one kind, be it of carriers, a gateway or an operator. Raises
    `ScenarioError`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise ScenarioError(f"{path}: a file of at most {_LONGEST} bytes is wanted")
        text = data.decode()
        return msgspec.convert(tomllib.loads(text), kind)
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: {error}") from None
    except msgspec.ValidationError as error:
        line = Lines(text).of(_place(str(error)))
        raise ScenarioError(f"{path}:{line}: {error}") from None


def _place(message: str) -> Place:
    """Return the place that msgspec names: "... unknown field `x` - at `$.fault[0]`"."""
    place = "".join(re.findall(r"at `\$([^`]*)`", message))
    steps = re.findall(r"[\w-]+", place) + re.findall(r"unknown field `([^`]*)`", message)
    return tuple(int(each) if each.isdigit() else each for each in steps)


def at_listener(scenario: Scenario, name: str) -> Scenario:
    """Return the scenario with this listener in each path; one with paths of its own keeps them."""
    paths = scenario.paths
    if not name or paths != Paths():
        return scenario
    named = (f"{one}/{name}" for one in (paths.mo, paths.delivery_status, paths.camara))
    return msgspec.structs.replace(scenario, paths=Paths(*named))


def _check(path: Path, scenario: Scenario) -> None:
    if unknown := set(scenario.mix) - set(KINDS):
        raise ScenarioError(f"{path}: mix: {min(unknown)!r}: one of {', '.join(KINDS)} is wanted")
    if not any(scenario.mix.values()):
        raise ScenarioError(f"{path}: mix: nothing has any weight")
    for phase in scenario.phase:
        if bool(phase.burst) == bool(phase.rate and phase.seconds):
            raise ScenarioError(f"{path}: phase: either rate and seconds, or burst, is wanted")
