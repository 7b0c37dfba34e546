"""uvicorn for the console: one process, for the few people who look."""

import structlog
import uvicorn

from receiver.config.settings import Settings
from receiver.console.app import create
from receiver.console.pages import ROUTES
from receiver.runtime import redis_client

log = structlog.get_logger()


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve the console until a signal. `settings.redis_url` is set."""
    client = redis_client.client(settings.redis_url or "")
    config = uvicorn.Config(
        create(settings, client, ROUTES, port),
        host=host,
        port=port,
        ws="none",
        lifespan="off",
        access_log=False,  # it would print the links' tokens
        log_config=None,
        log_level="error",
        proxy_headers=False,  # whom a proxy may speak for is said by RECEIVER_CONSOLE_PROXY
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    log.info("console.starts", url=settings.console_url or f"http://{host}:{port}")
    uvicorn.Server(config).run()
