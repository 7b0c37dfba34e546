"""A changed `receiver.toml` is taken while a process runs: whole, or not at all."""

import errno
import os
import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from receiver.config import config_file
from receiver.config import reload as reloading
from receiver.config.problems import problems
from receiver.config.reload import Reload
from receiver.config.settings import SettingsError

ONE = '[[listener]]\nname = "one"\n'
TWO = ONE + '[[listener]]\nname = "two"\n'


class Clock:
    """Time that passes when the test says so."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(reloading, "time", found)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "receiver.toml").write_text(ONE)
    return tmp_path / "receiver.toml"


def names(reload: Reload) -> list[str]:
    return [one.name for one in reload.settings.listeners]


def begun(file: Path, **environ: str) -> Reload:
    return Reload({"RECEIVER_CONFIG": str(file), **environ}, problems)


def settled(reload: Reload, clock: Clock) -> bool:
    """Look, and look again once what is there has been the same for long enough."""
    first = reload.look()
    clock.now += reloading.SETTLED
    return first or reload.look()


def replace(file: Path, text: str) -> None:
    """As editors and configuration management do it: another file takes the name."""
    other = file.with_name("other")
    other.write_text(text)
    other.rename(file)


def test_a_changed_file_is_taken_once_it_has_not_changed_for_a_second(
    file: Path, clock: Clock
) -> None:
    reload = begun(file)
    assert not settled(reload, clock)
    file.write_text(TWO)
    assert not reload.look()
    clock.now += 0.9
    assert not reload.look()
    clock.now += 0.1
    assert reload.look()
    assert (names(reload), reload.text, reload.trouble) == (["one", "two"], TWO, "")
    assert not settled(reload, clock)


def test_a_file_that_is_being_written_is_not_taken_though_it_is_well_so_far(
    file: Path, clock: Clock
) -> None:
    reload = begun(file)
    with file.open("w") as writing:
        for piece in ("", ONE, '[[listener]]\nname = "t', 'wo"\n'):
            writing.write(piece)
            writing.flush()
            assert not reload.look()
            clock.now += 0.5
            assert (not reload.look(), names(reload), reload.trouble) == (True, ["one"], "")
    assert settled(reload, clock)
    assert names(reload) == ["one", "two"]


def test_who_asks_says_that_it_is_whole_now(file: Path, clock: Clock) -> None:
    reload = begun(file)
    file.write_text(TWO)
    assert reload.look(asked=True)
    assert not reload.look(asked=True)
    file.write_text(ONE)
    os.utime(file, ns=(0, 0))
    assert reload.look(asked=True)
    assert names(reload) == ["one"]


def test_a_renamed_file_and_a_link_that_is_switched_are_seen(file: Path, clock: Clock) -> None:
    reload = begun(file)
    replace(file, TWO)
    assert settled(reload, clock)
    # As Kubernetes mounts a ConfigMap: the name is a link through a link that is switched.
    for version, text in (("a", ONE), ("b", TWO)):
        (file.parent / version).mkdir()
        (file.parent / version / "receiver.toml").write_text(text)
        os.utime(file.parent / version / "receiver.toml", (0, 0))
    link, data = file.with_name("linked.toml"), file.with_name("..data")
    data.symlink_to("a")
    link.symlink_to("..data/receiver.toml")
    linked = begun(link)
    file.with_name("next").symlink_to("b")
    file.with_name("next").rename(data)
    assert settled(linked, clock)
    assert names(linked) == ["one", "two"]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("[[listener]\n", "line 1"),
        ('[[listener]]\nname = "A"\n[[listener]]\nnam = "b"\n', "line 2: .*1 more: receiver"),
        ('[[sink]]\nname = "x"\nkind = "http"\nurl = "https://h.example.com/"\n'
         'headers_env = { authorization = "NOT_SET" }\n', "NOT_SET is not set"),
        (None, "it is gone"),
    ],
)  # fmt: skip
def test_a_broken_file_changes_nothing_is_said_once_and_mended_is_well_again(
    file: Path, clock: Clock, broken: str | None, says: str
) -> None:
    reload = begun(file)
    before = reload.settings
    with capture_logs() as lines:
        if broken is None:
            file.unlink()
        else:
            file.write_text(broken)
        assert not settled(reload, clock)
        for _ in range(3):
            assert not settled(reload, clock)
        assert reload.settings is before
        assert [one["event"] for one in lines] == ["config.refused"]
        assert re.search(says, reload.trouble)
        replace(file, ONE)
        assert not settled(reload, clock)  # it is what is in use
        assert reload.trouble == ""


def test_a_file_that_comes_where_none_was_is_taken(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reload = Reload({})
    assert (settled(reload, clock), reload.trouble) == (False, "")
    Path("receiver.toml").write_text(ONE)
    assert settled(reload, clock)
    assert names(reload) == ["one"]


def test_a_process_does_not_begin_with_a_broken_file(file: Path) -> None:
    file.write_text("[[listener]")
    with pytest.raises(SettingsError):
        begun(file)


def test_the_environment_stays_as_it_was(file: Path, clock: Clock) -> None:
    reload = begun(file, RECEIVER_WORKERS="3", REDIS_URL="redis://h/0")
    replace(file, TWO)
    assert settled(reload, clock)
    assert (reload.settings.workers, reload.settings.redis_url) == (3, "redis://h/0")


def test_a_file_that_could_not_be_read_for_a_while_is_taken_when_it_can_be(
    file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: Path) -> str:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    reload = begun(file)
    file.write_text(TWO)
    with monkeypatch.context() as patch:
        patch.setattr(config_file, "text", failing)
        assert not settled(reload, clock)
    assert reload.trouble.endswith("Too many open files")
    assert settled(reload, clock)
    assert (names(reload), reload.trouble) == (["one", "two"], "")


def test_a_file_that_cannot_be_read_is_said_once(file: Path, clock: Clock) -> None:
    reload = begun(file)
    file.write_bytes(b"\xff")
    with capture_logs() as logs:
        for _ in range(3):
            assert not settled(reload, clock)
    assert [one["event"] for one in logs] == ["config.refused"]
