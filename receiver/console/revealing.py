"""What somebody reveals: given out only once that is on the audit trail."""

from starlette.requests import Request
from starlette.responses import Response

from receiver.console import audit


def audited(request: Request, page: Response) -> Response:
    """Return a page that shows what the address names, once that is on the audit trail; of what was
    not found nothing is revealed, and the address, which may be anything, is written nowhere.
    Raises `redis.RedisError`: then the page is not given out.
    """
    if page.status_code == 200:
        name = request.path_params["id"]
        audit.write(request.app.state.redis, request.state.session.name, "reveal", name)
    return page
