"""Which worker processes there are to be, and which settings each of them goes by."""

from typing import Any

from receiver.config.handed_over import HandedOver
from receiver.config.settings import Settings, SinkSettings
from workers.processes.work import Work


class Plan:
    """What settings ask for. `text` is the `receiver.toml` that they came from, which every process
    is started with; None: each reads the file itself.
    """

    def __init__(self, settings: Settings, text: str | None = None) -> None:
        self.settings = settings
        self.handed_over = None if text is None else HandedOver(text)
        self.works = [
            *([Work("normalise")] * settings.workers),
            *(Work("forward", sink.name) for sink in settings.sinks),
            *(Work("operator", one.name) for one in settings.operators),
            *([Work("parking")] if _parks(settings) else []),
        ]

    def basis(self, work: Work) -> tuple[Any, ...]:
        """Return the settings that a process of this work goes by: where they are others than those
        that it began with, it is replaced.
        """
        said = self.settings
        match work.kind:
            case "normalise":  # not how fast a listener may send, nor where a sink sends to
                places = tuple((x.name, x.zone, x.region, x.repeats) for x in said.listeners)
                return (places, tuple((sink.name, sink.seconds) for sink in said.sinks))
            case "forward":
                return tuple(sink for sink in said.sinks if sink.name == work.name)
            case "operator":
                operator = tuple(one for one in said.operators if one.name == work.name)
                sets = tuple(one for one in said.subscriptions if one.operator == work.name)
                return (operator, sets, said.public_url)
            case "parking":
                return tuple(self._parking_basis(sink) for sink in said.sinks)

    def _parking_basis(self, sink: SinkSettings) -> tuple[Any, ...]:
        wanted = (sink.types, sink.listeners, sink.where)
        return (sink.name, sink.seconds, sink.share, self.settings.when_full(sink), wanted)

    def close(self) -> None:
        """Let go of the text; processes that were started with it keep it."""
        if self.handed_over:
            self.handed_over.close()


def _parks(settings: Settings) -> bool:
    """Return whether events may leave for a disk, or come back from it, or be let go."""
    policies = {settings.when_full(sink) for sink in settings.sinks}
    return bool(policies) and (settings.park_dir is not None or "shed" in policies)
