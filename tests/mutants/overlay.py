"""A copy of the working tree in which one file at a time is changed."""

import shutil
import subprocess
from pathlib import Path

from tests.mutants.mutant import Mutant

_ROOT = Path(__file__).parent.parent.parent


class Overlay:
    """Everything that Git knows or would add, under a directory of its own.

    The working tree is read once, when it is made: what is edited afterwards changes no mutant.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.check_output(command, cwd=_ROOT, text=True).split("\0"):
            if name and (_ROOT / name).is_file():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(_ROOT / name, directory / name)

    def put(self, mutant: Mutant) -> None:
        """Change the file as the mutant says."""
        self._write(mutant.path, mutant.applied())

    def restore(self, mutant: Mutant) -> None:
        """Undo `put`, and forget the examples with which Hypothesis found it."""
        self._write(mutant.path, mutant.source)
        shutil.rmtree(self.directory / ".hypothesis", ignore_errors=True)

    def _write(self, path: str, source: bytes) -> None:
        file = self.directory / path
        file.write_bytes(source)
        # Python knows a stale one by second and size only, which two mutants may share.
        for compiled in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
            compiled.unlink()
