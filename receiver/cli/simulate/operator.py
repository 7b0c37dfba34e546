"""`receiver simulate operator`: run a simulated network operator."""

import contextlib
from pathlib import Path

import click

from receiver.cli.simulate import simulated_server
from receiver.cli.terminal import setup
from receiver.cli.terminal.process import UntilStopped
from receiver.simulate.operator import dialects
from receiver.simulate.operator import scenario as scenarios
from receiver.simulate.operator.scenario import Scenario
from receiver.simulate.scenario import ScenarioError


@click.command(cls=UntilStopped, short_help="Simulate a network operator, for what subscribes.")
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(1, 65535), default=8091, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@simulated_server.seed_option
def command(scenario: Path | None, port: int, host: str, seed: int | None) -> None:
    """Simulate a network operator: accept CAMARA subscriptions, send their events, record both.

    \b
      receiver simulate operator --port 8091
      receiver simulate operator scenario.toml --seed 7

    It tests any client of the subscription APIs. It serves versions 0.5 to 0.8 of device
    reachability and roaming status subscriptions and the candidate of 0.9, each below its own
    path, answers status queries (CAMARA's retrieve, AT&T's /connectivity and /roaming), issues
    access tokens, and sends CloudEvents to the sink of each subscription with its credential.

    \b
    Get a token, subscribe, change a device, see what was delivered:
      curl -u simulated-client:simulated-secret -d grant_type=client_credentials \\
          localhost:8091/oauth/token
      curl -H "Authorization: Bearer $TOKEN" -d @subscription.json \\
          localhost:8091/device-reachability-status-subscriptions/v0.8/subscriptions
      curl -d '{"device": {"phoneNumber": "+12065550100"}, "connectivity": []}' \\
          localhost:8091/_control/devices
      curl localhost:8091/_books

    \b
    Make requests of one kind fail:
      curl -d '{"operation": "create", "effect": "lost"}' localhost:8091/_control/faults

    The other control routes end subscriptions for every reason, move the operator's clock and
    change its settings; they and the scenario file: docs/simulate.md. Ctrl-C ends it.
    """
    played = simulated_server.scenario(scenarios.load, Scenario(), scenario, seed)
    url = simulated_server.base_url(host, port)
    from receiver.simulate.operator import app

    with setup.refused(ScenarioError):
        server = app.server(played, host, port)
    _print_urls(played, url)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()


def _print_urls(scenario: Scenario, url: str) -> None:
    """Print on stderr the URLs that the operator serves."""
    versions: dict[str, list[str]] = {}
    for api, version in dialects.DIALECTS:
        versions.setdefault(api, []).append("v0" if version == "0.5" else f"v{version}")
    for api, names in versions.items():
        click.echo(f"{url}/{api}/{{{','.join(names)}}}/subscriptions", err=True)
    click.echo(f"{url}/device-{{reachability,roaming}}-status/v1/retrieve", err=True)
    click.echo(f"{url}/device-status/v1/{{connectivity,roaming}}", err=True)
    kind = scenario.authentication.kind
    if kind == "oauth":
        clients = ", ".join(client.id for client in scenario.client)
        click.echo(f"{url}/oauth/token  for {clients}", err=True)
    else:
        click.echo(f"authentication: {kind}", err=True)
    click.echo(f"{url}/_books", err=True)
