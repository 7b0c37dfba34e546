"""The directory in which a host parks events, and its name: who has the disk has what is parked."""

from pathlib import Path

from receiver.config.settings import PARKING
from receiver.runtime.private_files import kept_name, own_directory, read_name
from workers.parking.parked_files import ParkedFiles


class Place:
    """The directory of parked events on one disk. Every method may raise `OSError`."""

    def __init__(self, directory: Path) -> None:
        self._own = directory / PARKING
        self._files: dict[str, ParkedFiles] = {}
        self._name = ""

    @property
    def name(self) -> str:
        """Return the directory's name."""
        if not self._name:
            own_directory(self._own)
            self._name = kept_name(self._own / "place")
        return self._name

    def look_again(self) -> None:
        """Forget what was read where the directory is another one now: its disk was taken away, or
        put back.
        """
        try:
            found = read_name(self._own / "place")
        except OSError:
            found = ""
        if found != self._name:
            self.close()
            self._name = ""

    def files(self, sink: str) -> ParkedFiles:
        """Return the files of a sink. Raises `BlockingIOError` while another process has them."""
        if sink not in self._files:
            own_directory(self._own)
            self._files[sink] = ParkedFiles(self._own / sink)
        return self._files[sink]

    def close(self) -> None:
        """Close all files and end their locks."""
        while self._files:
            self._files.popitem()[1].close()
