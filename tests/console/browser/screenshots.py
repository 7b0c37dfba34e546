"""The pictures of the README, of made-up traffic: `make screenshots`."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import expect

from tests.support.browser import chromium, console
from tests.support.commands import ROOT
from tests.support.console_data import fill
from tests.support.console_history import fill_history
from tests.support.eventually import eventually
from tests.support.running import Receiver
from tests.support.valkey import Valkey

TOML: Final = '[[listener]]\nname = "promo"\n\n[[listener]]\nname = "alerts"\n'
WIDE: Final[dict[str, Any]] = {"viewport": {"width": 1180, "height": 700}}


def take(directory: Path, addresses: dict[str, str], **look: Any) -> None:
    """A picture of each page: name to address, where RECEIPT is that of a published event."""
    directory.mkdir(parents=True, exist_ok=True)
    valkey = Valkey()
    try:
        with (
            tempfile.TemporaryDirectory() as place,
            chromium() as browser,
            console(valkey, browser, Path(place), TOML) as running,
        ):
            receipt = fill(valkey)
            fill_history(valkey.client(), 1_200, int(time.time() * 1000))
            receiver = Receiver(valkey, Path(place))
            receiver.start_worker()
            eventually(lambda: valkey.client().exists("rq:workers:receiver-normalise"))
            with running.page(**(WIDE | look)) as page:
                for name, address in addresses.items():
                    page.goto(running.base + address.replace("RECEIPT", receipt))
                    if name == "live":
                        expect(page.locator("#live-state")).to_have_text("live")
                    page.screenshot(path=directory / f"{name}.png")
            receiver.stop()
    finally:
        valkey.stop()


if __name__ == "__main__":
    pages = {"overview": "/", "live": "/live", "story": "/n/RECEIPT"}
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/images", pages)
