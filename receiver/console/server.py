"""uvicorn for the console: one process, for the few people who look."""

from functools import partial

import msgspec
import structlog
import uvicorn
from starlette.datastructures import State

from receiver.config.reload import FIELDS, Reload, Watch
from receiver.config.settings import Settings
from receiver.console.app import create
from receiver.console.pages import ROUTES
from receiver.runtime import redis_client

log = structlog.get_logger()


def _take(state: State, new: Settings) -> None:
    """Have the pages go by what `receiver.toml` says now, and by the console's own address."""
    said = {field: getattr(new, field) for field in FIELDS}
    state.settings = msgspec.structs.replace(state.settings, **said)


def serve(settings: Settings, web: str, reload: Reload) -> None:
    """Serve the console on its host and port until a signal. `settings.redis_url` is set; `web` is
    where the web process listens; `reload` takes a changed `receiver.toml`.
    """
    client = redis_client.client(settings.redis_url or "")
    app = create(settings, client, ROUTES, web)
    Watch(reload, partial(_take, app.state)).start()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ws="none",
        lifespan="on",
        access_log=False,  # it would print the links' tokens
        log_config=None,
        log_level="error",
        proxy_headers=False,  # whom a proxy may speak for is said by RECEIVER_CONSOLE_PROXY
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    log.info(
        "console.starts", url=settings.console_url or f"http://{settings.host}:{settings.port}"
    )
    uvicorn.Server(config).run()
