"""`receiver web`: run the web process."""

from contextlib import suppress

import click
import redis
import structlog

from receiver.cli.terminal import setup
from receiver.cli.terminal.process import Process
from receiver.operations import web_address


@click.command(cls=Process)
def command() -> None:
    """Run the web process: it stores each notification in Redis before it answers 204.

    \b
      REDIS_URL=redis://localhost:6379/0 RECEIVER_BEARER_TOKENS=... receiver web
      HOST=0.0.0.0 PORT=80 WEB_CONCURRENCY=4 receiver web

    It needs REDIS_URL and at least one credential. Run any number of them, on any number of
    machines, beside at least one `receiver worker`. SIGTERM lets it finish the requests under
    way, within ten seconds; a second one ends it at once. Neither loses what was acknowledged.

    While Redis is unreachable the answer is 503, unless RECEIVER_SPOOL_DIR names a directory:
    then notifications are stored there, on this machine's disk, and acknowledged. Name one only
    on a disk that outlives the process and comes back with it: what is on the ephemeral disk of a
    container or dyno is lost with it.

    OTEL_EXPORTER_OTLP_ENDPOINT turns on traces (docs/tracing.md), here and in `receiver worker`.
    """
    settings = setup.settings_for_process("web")
    setup.refuse_without_credential(settings, settings.redis_url or "")
    setup.refuse_weak_redis(settings)
    setup.refuse_unwritable_spool(settings)
    setup.refuse_taken_port(settings)
    from receiver.web import server

    setup.begin_log(settings)
    url, within = settings.redis_url or "", setup.AT_THE_START
    with suppress(redis.RedisError), setup.connect(url, within=within) as client:
        web_address.say_port(client, settings.host, settings.port)
    structlog.get_logger().info("web.starts", url=setup.base_url(settings), host=settings.host)
    server.serve(settings)
