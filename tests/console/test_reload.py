"""The console goes by a changed `receiver.toml`, and stays where it listens."""

from starlette.datastructures import State

from receiver.config.listeners import Listener
from receiver.config.settings import Settings
from receiver.console import server


def test_what_the_file_says_is_taken_and_the_console_s_own_address_stays() -> None:
    state = State()
    state.settings = Settings(port=8090, redis_url="redis://h/0")
    server._take(state, Settings(port=8080, listeners=(Listener(name="promo"),)))
    assert [one.name for one in state.settings.listeners] == ["promo"]
    assert (state.settings.port, state.settings.redis_url) == (8090, "redis://h/0")
