"""A file of devices that somebody is writing: nothing is done by the part that is there."""

import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from receiver.config import devices
from receiver.contract.redis_keys import SUBSCRIPTION_SETS
from receiver.subscriptions import reconcile
from receiver.subscriptions.context import Context
from receiver.subscriptions.reconcile import Reconciler
from receiver.subscriptions.timing import Timing
from tests.support.subscribing import run
from tests.support.valkey import Valkey

MANY = [f"+1206555{number:04}" for number in range(20)]
NEWER = [*MANY[:-1], "+12065559999"]
WRITING, WHOLE = Timing(device_settled=3600), Timing(device_settled=0)


def text(listed: list[str]) -> str:
    return "".join(f"{one}\n" for one in listed)


async def wanted(context: Context) -> list[str]:
    slots = [slot async for slot in context.store.slots() if slot.wanted]
    return sorted(slot.device["phoneNumber"] for slot in slots)


def of_file(context: Context, file: Path) -> Reconciler:
    for name, one in context.sets.items():
        context.sets[name] = msgspec.structs.replace(one, devices=(), devices_file=str(file))
    return Reconciler(context)


def test_a_file_that_is_being_written_is_taken_once_it_is_whole(
    valkey: Valkey, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.txt"

    async def steps(context: Context) -> None:
        reconciler = of_file(context, file)
        context.timing = WHOLE
        file.write_text(text(MANY))
        await reconciler.run()
        assert await wanted(context) == MANY
        context.timing = WRITING
        file.write_text(text(NEWER)[:-6])  # it ends within the last number
        await reconciler.run()
        assert (await wanted(context), reconciler.waits) == (MANY, True)
        file.write_text(text(NEWER))
        context.timing = WHOLE
        await reconciler.run()
        assert (await wanted(context), reconciler.waits) == (NEWER, False)

    run(valkey, tmp_path, steps)


def test_a_controller_that_begins_meanwhile_waits_too(valkey: Valkey, tmp_path: Path) -> None:
    file = tmp_path / "fleet.txt"

    async def steps(context: Context) -> None:
        reconciler = of_file(context, file)
        context.timing = WRITING
        file.write_text(text(MANY)[:-6])
        await reconciler.run()
        assert (await wanted(context), reconciler.compared) == ([], False)
        file.write_text(text(MANY))
        await reconciler.run(ordered=True)  # whoever orders it says that it is whole
        assert (await wanted(context), reconciler.compared) == (MANY, True)

    run(valkey, tmp_path, steps)


def test_one_that_somebody_begins_to_write_while_it_is_compared_is_looked_at_again(
    valkey: Valkey, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.txt"

    async def steps(context: Context) -> None:
        reconciler = of_file(context, file)
        context.timing = WHOLE
        file.write_text(text(MANY))
        await reconciler.run()
        file.write_text(text([*MANY, "+12065559998"]))
        slots = context.store.slots

        def meanwhile() -> object:
            file.write_text(text(NEWER)[:-6])
            return slots()

        context.store.slots = meanwhile  # type: ignore[method-assign, assignment]
        await reconciler.run()
        context.store.slots = slots  # type: ignore[method-assign]
        assert (await wanted(context), reconciler.waits) == (MANY, True)

    run(valkey, tmp_path, steps)


def test_one_that_is_being_written_holds_up_no_other_set(valkey: Valkey, tmp_path: Path) -> None:
    file = tmp_path / "fleet.txt"

    async def steps(context: Context) -> None:
        reconciler = of_file(context, file)
        other = msgspec.structs.replace(context.sets["fleet"], name="other", devices_file="")
        context.sets["other"] = msgspec.structs.replace(other, devices=(NEWER[-1],))
        context.timing = WRITING
        file.write_text(text(MANY)[:-6])
        await reconciler.run()
        assert (await wanted(context), reconciler.waits) == ([NEWER[-1]], True)
        assert not reconciler.compared
        context.timing = WHOLE
        file.write_text(text(MANY))
        await reconciler.run()
        assert (await wanted(context), reconciler.compared) == ([*MANY, NEWER[-1]], True)

    run(valkey, tmp_path, steps)


def test_one_that_is_written_without_end_is_said(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "fleet.txt"
    monkeypatch.setattr(reconcile, "_LONG", 0.0)

    async def steps(context: Context) -> None:
        reconciler = of_file(context, file)
        context.timing = WRITING
        said = []
        for timing in (WRITING, WHOLE):
            context.timing = timing
            file.write_text(text(MANY))
            await reconciler.run()
            said.append(await context.store.read_field(SUBSCRIPTION_SETS, "fleet:devices"))
        trouble = f"{file}: somebody is writing to it all the time: nothing is changed"
        assert said == [trouble, ""]
        assert await wanted(context) == MANY

    run(valkey, tmp_path, steps)


@pytest.mark.parametrize("ahead", [-30, 0.5, 30, 3600])
def test_the_clock_of_a_disk_that_is_elsewhere_may_be_another(
    valkey: Valkey, tmp_path: Path, ahead: float
) -> None:
    file = tmp_path / "fleet.txt"

    async def steps(context: Context) -> None:
        reconciler = of_file(context, file)
        context.timing = Timing()
        at = time.time() + ahead
        file.write_text(text(MANY)[:-6])
        when = dict.fromkeys(("st_mtime_ns", "st_ctime_ns"), int(at * 1e9))
        told = SimpleNamespace(**when, st_size=file.stat().st_size, st_ino=file.stat().st_ino)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(devices, "os", SimpleNamespace(stat=lambda _: told))
            await reconciler.run()
        assert (await wanted(context), reconciler.waits) == ([], True)

    run(valkey, tmp_path, steps)
