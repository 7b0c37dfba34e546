"""What every test may ask for."""

import gc
import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.support import trust_store
from tests.support.consumer import Consumer, consuming
from tests.support.running import Receiver
from tests.support.valkey import Valkey
from workers.normalise import job

# A busy machine must not fail the property tests, and what passed once passes again: `make fuzz`
# tries more examples, and others each time.
FUZZ = "FUZZ" in os.environ
settings.register_profile(
    "suite", deadline=None, max_examples=2000 if FUZZ else 100, derandomize=not FUZZ
)
settings.load_profile("suite")

trust_store.read_once()

# Who normalises in a test's own process waits no fifth of a second for what nobody sends.
vars(job)["LINGER_MILLISECONDS"] = 1

# A process that runs tests is told many times how to log; a logger that kept what it was told first
# would say nothing to `capture_logs`.
_configure = structlog.configure
structlog.configure = lambda **said: _configure(**said | {"cache_logger_on_first_use": False})

# A shell lets what it starts in the background ignore SIGINT, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay as long as the process: nobody searches them for garbage, which is a
    sixth of the time it takes to collect them, and then most of each search.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_bdd_apply_tag(tag: str) -> bool:
    """The tags of CAMARA's scenarios are names, no marks."""
    return bool(tag)


@pytest.fixture(scope="session")
def _shared_valkey() -> Iterator[Valkey]:
    server = Valkey()
    yield server
    server.stop()


@pytest.fixture
def valkey(_shared_valkey: Valkey) -> Valkey:
    """A Valkey with nothing in it, `appendfsync always`. It may be frozen, killed, restarted."""
    _shared_valkey.empty()
    return _shared_valkey


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """The address of `valkey`."""
    return valkey.url


@pytest.fixture
def start_valkey() -> Iterator[Callable[..., Valkey]]:
    """Starts further servers, with other settings if wanted: `start_valkey(maxmemory="20mb")`."""
    started: list[Valkey] = []

    def start(**config: str) -> Valkey:
        started.append(Valkey(**config))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def receiver(valkey: Valkey, tmp_path: Path) -> Iterator[Receiver]:
    """A receiver before `valkey`, nothing of it started yet."""
    receiver = Receiver(valkey, tmp_path)
    yield receiver
    receiver.kill()


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    """A web hook that takes everything until it is told otherwise."""
    with consuming() as server:
        yield server
