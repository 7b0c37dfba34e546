"""`receiver sinks test`: one test event to a sink, and how its consumer answered."""

import os
import subprocess
import sys
from typing import Any, Final

import click
import msgspec
import redis

from receiver.cli.listen.forwarding import meaning
from receiver.cli.terminal import output, setup
from receiver.cli.terminal.table import print_pairs
from receiver.config import sinks
from receiver.config.settings import Settings, SinkSettings
from receiver.contract.redis_keys import sink_state
from receiver.contract.stored_values import text

Result = dict[str, Any]

_SHOWN: Final = 200
"""Characters of an answer that are printed."""
_LONGEST: Final = 240
"""Seconds: an exchange has 60 at most."""


@click.command("test", short_help="Send one test event to a sink now; print how it is answered.")
@click.argument("name")
@output.json_option
def command(name: str, *, as_json: bool) -> None:
    """Send one test event to a sink now, as the worker would, and print how its consumer answered.

    \b
      receiver sinks test billing
      receiver sinks test billing --json | jq -r .answer

    It is signed, has the sink's headers and mode, and goes to this sink only: past the events
    stream, the sink's filter, and whether it is paused or fails. It counts nowhere as a delivery.
    Its type is receiver.test.v1, it has the attribute "test": true, and its data say that nothing
    has happened. An `rq` sink's consumer runs the job, so its function has to let that type pass.

    Run it where `receiver worker` runs, with the variables that the sink names.

    Exit codes: 0 it was taken; 1 it was not; 2 there is no such sink, a variable of it is not set,
    a wrong option or setting, or no Redis.
    """
    settings = setup.settings()
    sink = _configured(settings, name)
    url = setup.redis_url(settings)
    result = _send(url, name)
    result["next"] = next_step(result, sink, _stopped(url, name))
    output.print_document(result) if as_json else _print(result)
    raise SystemExit(0 if result["outcome"] == "taken" else 1)


def _configured(settings: Settings, name: str) -> SinkSettings:
    """Return the settings of a sink. Raises `Refused` where it cannot be sent to."""
    names = ", ".join(one.name for one in settings.sinks) or "none"
    found = next((one for one in settings.sinks if one.name == name), None)
    if found is None:
        raise setup.Refused(
            f"there is no sink {name!r} in receiver.toml: it has {names} (`receiver config check`)"
        )
    faults = sinks.variable_faults(found, settings.sink_variables)
    if faults:
        said = "; ".join(f"the environment variable {each} {why}" for each, why in faults.items())
        raise setup.Refused(f"sink {name!r}: {said}; run this with the environment of the worker")
    return found


def _send(url: str, name: str) -> Result:
    """Have the workers' half send it. Raises `Refused` where that could not begin."""
    environ = os.environ | {"REDIS_URL": url, "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "workers", "test-sink", name],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=_LONGEST,
        check=False,
    )
    try:
        found: Result = msgspec.json.decode(done.stdout)
    except msgspec.DecodeError:
        raise setup.Refused(
            f"the test ended with exit code {done.returncode} before it sent anything: "
            "`receiver config check` says what is wrong with the settings"
        ) from None
    return found


def _stopped(url: str, name: str) -> str:
    """Return why the sink is stopped; empty where it is not, or Redis does not say."""
    try:
        with setup.connect(url) as client:
            why: Any = client.hget(sink_state(name), "stopped")
    except redis.RedisError:
        return ""
    return text(why or b"")


def next_step(result: Result, sink: SinkSettings, stopped: str) -> str:
    """Return what to do about a test's result; `stopped` says why the sink sends nothing."""
    name = sink.name
    if result["outcome"] == "taken":
        if stopped:
            return f"the sink is stopped ({stopped}): `receiver sinks start {name}`"
        if isinstance(sink, sinks.RqSink):
            return f"see the consumer's `rq worker` on {sink.queue!r} run the job, and say so"
        return "nothing: the consumer takes events"
    status = result["status"]
    if not status:
        return _unanswered(result["reason"], sink)
    after = f"with an event of yours the sink {meaning(status)}"
    return f"{_ADVICE.get(status, _of_class(status))}; {after}"


_ADVICE: Final = {
    401: "compare the secret and the headers_env of the sink with what the consumer wants",
    403: "compare the secret and the headers_env of the sink with what the consumer wants",
    404: "correct the url of the sink in receiver.toml",
    405: "correct the url of the sink in receiver.toml: POST is what it has to take",
    410: "the consumer wants no events: take the sink out, or have the consumer answer 2xx",
    413: "let the consumer take larger bodies, or lower batch_size",
    415: "let the consumer take application/cloudevents+json, or change the sink's mode",
    429: "let the consumer take more, or lower the sink's concurrency",
}


def _of_class(status: int) -> str:
    if status < 400:
        return "put the URL that it redirects to into receiver.toml: redirects are not followed"
    if status < 500:
        return "let the consumer answer 2xx to types of events that it does not know"
    return "look into the consumer's log"


def _unanswered(reason: str, sink: SinkSettings) -> str:
    if "private" in reason:
        return "add allow = [host] to the sink in receiver.toml, if that address is meant"
    if "gaierror" in reason or "resolved" in reason:
        return "correct the host in the url of the sink, or have its name resolve here"
    if "name's" in reason:
        return "correct the host in the url of the sink, or have the certificate made for it"
    if "certificate" in reason:
        return "renew the consumer's certificate, or have this machine trust who signed it"
    if "SSL" in reason:
        return "see that TLS 1.2 or later is spoken at that port; if none is, the url has http://"
    if "BadStatusLine" in reason or "HTTPException" in reason:
        return "see that HTTP/1.1 is spoken at that port; if TLS is, the url has https://"
    if "not connected" in reason:
        return "have every firewall on the way let this machine connect to the consumer"
    if "within" in reason:
        return "make the consumer answer sooner, or raise the sink's timeout"
    if ", not a " in reason:
        return "rename that key, or name another one in receiver.toml: it is another program's"
    if isinstance(sink, sinks.HttpSink):
        return "start the consumer, and see that this machine may connect to it"
    return "start the sink's Redis or correct its redis_url; `receiver doctor` says more of ours"


def _print(result: Result) -> None:
    answered = f"answered {result['status']}" if result["status"] else ""
    said = result["reason"] or answered
    outcome = "taken" if result["outcome"] == "taken" else "NOT taken"
    outcome += f": {said}" if said else ""
    pairs: list[tuple[str, object]] = [
        ("sink", f"{result['sink']} ({result['kind']})"),
        ("event", result["id"]),
        ("outcome", f"{outcome} after {result['milliseconds']:g} ms"),
        ("answer", result["answer"][:_SHOWN]),
        ("next", result["next"]),
    ]
    print_pairs((name, value) for name, value in pairs if value)
