"""The `receiver.toml` of a run, as it is at first and after each change of it."""

from typing import NamedTuple

from tests.support.operators import API

DEVICES = tuple(f"+1206555010{number}" for number in range(5))
"""Each has a subscription."""
TYPE = "reachability-data"
SINKS = ("company", "hook", "dead")
STREAM = "company:events"
REGISTRATION = "22627000"
_LIFE_DAYS = 0.0015
"""Of a subscription: it is renewed in half of that, and not before it is a minute old."""


class Ports(NamedTuple):
    """Where everything listens that the processes under test talk to."""

    front: int
    """The line to the web processes."""
    operator: int
    gateway: int
    hook: int
    dead: int
    """Nobody listens here while there is load."""


def text(ports: Ports, change: int) -> str:
    """Return the file. `change` counts; each changes what a web process and what one sink go by."""
    return f"""
public_url = "http://127.0.0.1:{ports.front}"
{_LISTENERS.format(rate=100_000 + change)}
[[sink]]
name = "company"
kind = "redis-stream"
stream = "{STREAM}"
max_length = 10_000_000
{_hook("hook", ports.hook, concurrency=4 + change % 2)}
{_hook("dead", ports.dead, concurrency=4)}
share = 1
{_operator(f"http://127.0.0.1:{ports.operator}")}
[[poll]]
name = "promo"
kind = "att-inbox"
registration = "{REGISTRATION}"
base_url = "http://127.0.0.1:{ports.gateway}"
client_id_env = "ATT_APP_KEY"
client_secret_env = "ATT_APP_SECRET"
every = 10
"""


ENVIRONMENT = {
    "SIM": "simulated-secret",
    "ATT_APP_KEY": "simulated-client",
    "ATT_APP_SECRET": "simulated-secret",
}
"""What the file names."""
SCENARIOS = {
    "operator": "[notifications]\nattempts = 8\ntimeout = 4.0\n",
    "gateway": "[gateway]\nminute = 60.0\n",
}
"""Of the simulated operator and gateway: an inbox is emptied after half an hour that is one."""
_LISTENERS = """
[[listener]]
name = "default"
max_per_second = {rate}
[[listener]]
name = "promo"
"""


def _hook(name: str, port: int, concurrency: int) -> str:
    return f"""
[[sink]]
name = "{name}"
kind = "http"
mode = "batch"
concurrency = {concurrency}
url = "http://127.0.0.1:{port}/{name}"
allow = ["127.0.0.1:{port}"]"""


def _operator(url: str) -> str:
    return f"""
[[operator]]
name = "sim"
reachability = "{url}/{API}/v0.8"
rate = 100
auth = {{ kind = "client_credentials", token_url = "{url}/oauth/token", \
client_id = "simulated-client", secret_env = "SIM" }}
[[subscription]]
name = "fleet"
operator = "sim"
types = ["{TYPE}"]
devices = [{", ".join(f'"{each}"' for each in DEVICES)}]
days = {_LIFE_DAYS}
"""
