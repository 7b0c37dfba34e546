"""`receiver schema`: print the schemas of the published events."""

import click

from receiver.cli.terminal import output, setup
from receiver.cli.terminal.table import print_table
from receiver.events.event_types import TYPES
from receiver.schemas import asyncapi, json_schema


@click.command()
@click.argument("name", metavar="[TYPE]", required=False)
@click.option("--all", "every", is_flag=True, help="One schema for an event of any type.")
@click.option("--asyncapi", "channels", is_flag=True, help="The AsyncAPI 3 document.")
@output.json_option
def command(*, name: str | None, every: bool, channels: bool, as_json: bool) -> None:
    """List the types of the published events, or print the JSON Schema (2020-12) of one.

    \b
      receiver schema                             a table; JSON lines into a pipe
      receiver schema sms.message.received.v1
      receiver schema --asyncapi > asyncapi.json  streams, RQ queues and web hooks
      receiver schema --all | npx json-schema-to-typescript > events.d.ts

    A schema describes the whole event; the part with the anchor "data" is what the event's
    attribute `dataschema` names. The web process serves the same at /schemas/TYPE.json and
    /asyncapi.json; web hooks stand in its /openapi.json, too.
    """
    if (name is not None) + every + channels > 1:
        raise click.UsageError("either a type, or --all, or --asyncapi")
    if channels:
        click.echo(asyncapi.encoded(), nl=False)
        return
    if name is None and not every:
        _list(as_json=as_json)
        return
    try:
        document = json_schema.encoded(name or json_schema.EVERY)
    except KeyError:
        raise setup.Refused(f"there is no event type {name!r}: see `receiver schema`") from None
    click.echo(document, nl=False)


def _list(*, as_json: bool) -> None:
    if as_json:
        output.print_documents(
            {"type": name, "summary": json_schema.summary(name)} for name in TYPES
        )
    else:
        print_table(("type", "summary"), ((name, json_schema.summary(name)) for name in TYPES))
