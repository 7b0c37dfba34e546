"""A file of devices that is none is refused in one sentence, and never waited for."""

import os
from pathlib import Path

import pytest

from receiver.config.devices import DevicesError, load_devices
from receiver.config.subscription_sets import SubscriptionSet

NO_FILE = "a file is wanted, which can be read more than once"


def a_set(path: Path) -> SubscriptionSet:
    return SubscriptionSet(
        name="fleet", operator="sim", types=("reachability-data",), devices_file=str(path)
    )


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fleet.txt")
    with pytest.raises(DevicesError, match=NO_FILE):
        load_devices(a_set(tmp_path / "fleet.txt"))


def test_one_without_end_is_refused() -> None:
    with pytest.raises(DevicesError, match="it has more than 67108864 bytes: nothing is changed"):
        load_devices(a_set(Path("/dev/zero")))
