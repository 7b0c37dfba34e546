"""`receiver web`: run the web half."""

import click
import structlog

from receiver.cli.terminal import setup


@click.command()
def command() -> None:
    """Run the web half: takes notifications in and keeps them in Redis before it says 204.

    \b
      REDIS_URL=redis://localhost:6379/0 RECEIVER_BEARER_TOKENS=... receiver web
      HOST=0.0.0.0 PORT=80 WEB_CONCURRENCY=4 receiver web

    It needs REDIS_URL and at least one credential. Run as many as you like, on any number of
    machines, beside at least one `receiver worker`. SIGTERM finishes what is in flight, within
    ten seconds; a second one ends it at once, and loses nothing that was acknowledged either.

    While Redis is away the answer is 503, unless RECEIVER_SPOOL_DIR names a directory: then
    notifications wait there, on this machine's disk, and are acknowledged. Name one only on a disk
    that outlives the process and comes back with it; on the ephemeral disk of a container or dyno
    that would be a promise nobody keeps.

    OTEL_EXPORTER_OTLP_ENDPOINT turns on traces (docs/tracing.md), here and in `receiver worker`.
    """
    settings = setup.settings_of_a_half("web")
    setup.refuse_without_credential(settings, settings.redis_url or "")
    setup.refuse_weak_redis(settings)
    setup.refuse_unwritable_spool(settings)
    setup.refuse_taken_port(settings)
    from receiver.runtime import logs
    from receiver.web import server

    logs.configure(settings.log_level)
    setup.look_at_rights(settings.redis_url or "")
    structlog.get_logger().info("web.starts", url=setup.base_url(settings))
    server.serve(settings)
