"""Work: what one process of the supervisor does."""

from typing import Literal, NamedTuple


class Work(NamedTuple):
    """Name what one process does: a kind of work, and which one of its kind."""

    kind: Literal["normalise", "forward", "operator", "parking"]
    name: str = ""
    """The sink that is served, or the operator whose subscriptions are kept; empty for normalise
    and parking, of which there is one."""

    def command(self, consumer: str) -> list[str]:
        """Return the module that does it under this consumer name, and its arguments."""
        match self.kind:
            case "normalise":
                return ["workers", "normalise", consumer]
            case "forward":
                return ["workers", "forward", self.name, consumer]
            case "parking":
                return ["workers", "parking"]
            case "operator":
                return ["receiver.subscriptions", self.name]

    def lease(self, consumer: str) -> str:
        """Return the key of the lease on this consumer name.

        No sink has a colon in its name, so no sink shares a key with an operator or with parking.
        """
        if self.kind == "parking":
            return f"receiver:slot:parking:all:{consumer}"
        kind = "operator" if self.kind == "operator" else ""
        return ":".join(filter(None, ("receiver:slot", kind, self.name, consumer)))
