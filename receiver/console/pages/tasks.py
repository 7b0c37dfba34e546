"""A piece of work on many entries: how far it is, and its end."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from receiver.console import audit, render
from receiver.console.app import Page, tasks_of
from receiver.console.forms import NotDone


def show(request: Request) -> Response:
    """Show a task; the page asks again while it runs."""
    task = tasks_of(request).get(request.path_params["id"])
    if task is None:
        why = "The console was started anew since, or it is long ago. What it had done is done; "
        raise NotDone(404, "No such task", f"{why}the audit trail has it.")
    template = "task_progress.html" if render.is_part(request) else "task.html"
    return render.page(request, template, {"task": task})


def cancel(request: Request) -> Response:
    """End a task; what it has done stays done."""
    task = tasks_of(request).get(request.path_params["id"])
    if task and not task.ended:
        about = f"{task.title}, begun by {task.who}"
        audit.record(request, "task.cancel", about, task.total - task.done)
        task.cancel()
    return RedirectResponse(f"/tasks/{request.path_params['id'][:32]}", 303)


ROUTES: Final = [
    Page("/tasks/{id}", show, "operator"),
    Page("/tasks/{id}/cancel", cancel, "operator", ["POST"]),
]
