"""`receiver simulate gateway`: run a simulated API gateway of AT&T."""

import contextlib
from pathlib import Path

import click
import msgspec

from receiver.cli.simulate import simulated_server
from receiver.cli.terminal import output, setup
from receiver.cli.terminal.process import UntilStopped
from receiver.contract.redis_keys import EVENTS
from receiver.runtime import redis_client, redis_errors
from receiver.simulate.att_gateway import scenario as scenarios
from receiver.simulate.att_gateway.scenario import Scenario
from receiver.simulate.att_gateway.verdict import Verdict


@click.command(cls=UntilStopped, short_help="Simulate AT&T's API gateway, for what polls.")
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(1, 65535), default=8099, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@simulated_server.seed_option
@click.option("--redis-url", help="Redis to which the receiver publishes: /_verdict reads it.")
@click.option(
    "--from-stream",
    metavar="NAME",
    default=EVENTS,
    show_default=True,
    help="Stream to which it publishes.",
)
def command(
    scenario: Path | None,
    port: int,
    host: str,
    seed: int | None,
    redis_url: str | None,
    from_stream: str,
) -> None:
    """Simulate AT&T's API gateway: serve messages to clients that poll, each once, and record it.

    \b
      receiver simulate gateway --port 8099
      receiver simulate gateway scenario.toml --redis-url redis://localhost:6379/0

    It tests any client that polls. Get SMS (AT&T's signature and GSMA OneAPI's, JSON and XML)
    removes what it answers, and what nobody reads for 30 minutes; a minute is a second unless the
    scenario says otherwise. OAuth v4 gives the tokens.

    \b
    Get a token, add a message, poll it, see where every message is:
      curl -d 'grant_type=client_credentials&scope=SMS' -u simulated-client:simulated-secret \\
          localhost:8099/oauth/v4/token
      curl -d '{"registration": "22627000", "text": "Hello"}' localhost:8099/_control/mo
      curl -H "Authorization: Bearer $TOKEN" localhost:8099/sms/v3/messaging/inbox/22627000
      curl localhost:8099/_books

    \b
    Cut the next answer after its first half; add 1000 messages; get the verdict on a client:
      curl -d '{"effect": "cut_fin", "route": "inbox", "at": 0.5}' localhost:8099/_control/faults
      curl -d '{"count": 1000}' localhost:8099/_control/mo
      curl localhost:8099/_verdict

    The verdict compares what was handed over with what came out on the stream: lost and
    duplicated have to be 0; the window (beyond a cut, reset, never answered, under way when the
    client was killed) is counted. The other routes, controls and the scenario file:
    docs/simulate.md. Ctrl-C ends it; with --redis-url the verdict comes then too, and exit code 1
    where it is a bad one.
    """
    played = simulated_server.scenario(scenarios.load, Scenario(), scenario, seed)
    url = simulated_server.base_url(host, port)
    _check_stream(redis_url)
    from receiver.simulate.att_gateway import app
    from receiver.simulate.reader import StreamReader

    reader = StreamReader(redis_url, from_stream) if redis_url else None
    verdicts: list[Verdict] = []

    def judged(found: Verdict) -> None:
        verdicts.append(found)
        _say(found)  # here, for SIGTERM ends the process behind the server

    server = app.server(played, host, port, reader, judged)
    _greet(played, url)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if reader and not verdicts:
        raise setup.Refused("--redis-url: no verdict, Redis does not answer")
    if any(found.faults for found in verdicts):
        raise click.exceptions.Exit(1)


def _check_stream(url: str | None) -> None:
    """Raise `Refused` if the Redis of the verdict does not answer."""
    if not url:
        return
    if wrong := redis_client.fault(url):
        raise setup.Refused(f"--redis-url: {wrong}")
    try:
        with setup.connect(url) as client:
            client.ping()
    except redis_errors.DOWN as error:
        raise setup.Refused(f"--redis-url: {error}") from None


def _say(found: Verdict) -> None:
    """Print the verdict; what did not pass goes to stderr."""
    for name, value in msgspec.structs.asdict(found).items():
        if isinstance(value, int):
            click.echo(f"{name.replace('_', ' ')}: {value:,}")
    for fault in found.faults:
        output.say(fault)


def _greet(scenario: Scenario, url: str) -> None:
    """Say where everything is, on stderr."""
    clients = ", ".join(client.id for client in scenario.client)
    click.echo(f"{url}/oauth/v4/token  for {clients}", err=True)
    click.echo(f"{url}/sms/v3/messaging/inbox/{{registration}}", err=True)
    click.echo(f"{url}/3/smsmessaging/inbound/registrations/{{registration}}/messages", err=True)
    click.echo(f"{url}/_control/mo  {url}/_books  {url}/_verdict", err=True)
