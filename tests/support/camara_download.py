"""Fetches CAMARA's definitions and test definitions, for `make camara`.

They are published under Apache-2.0 by camaraproject; tests read them, the repository has none.
"""

import shutil
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Final

from tests.support.camara import DOWNLOADED, QUERIES, RELEASES

_PUBLISHED: Final = "https://raw.githubusercontent.com/camaraproject"
_MAIN: Final = {
    "DeviceReachabilityStatus": "a24adb637614c8fcb90d427785c9e4bcd091651c",
    "DeviceRoamingStatus": "2aff368066493a10d1a47d5ee4f9bea05fd6f7fb",
}
"""What `HEAD` stands for in the names of files: a later commit may be another API."""
_OPERATIONS: Final = ("create{}", "delete{}", "retrieve{}", "retrieve{}List")


def sources() -> dict[str, str]:
    """File -> its path below the project."""
    found: dict[str, str] = {}
    for name in (*RELEASES.values(), *QUERIES.values()):
        repository, _, rest = name.partition("@")
        tag, api = rest.rsplit(".", 1)
        found[f"{name}.yaml"] = _path(repository, tag, f"API_definitions/{api}.yaml")
    for subject, repository in (
        ("reachability", "DeviceReachabilityStatus"),
        ("roaming", "DeviceRoamingStatus"),
    ):
        api = f"device-{subject}-status"
        noun = f"{repository}Subscription"
        features = [api, *(f"{api}-subscriptions-{one.format(noun)}" for one in _OPERATIONS)]
        for each in features:
            path = f"Test_definitions/{each}.feature"
            found[f"{each}.feature"] = _path(repository, "HEAD", path)
    return found


def _path(repository: str, tag: str, file: str) -> str:
    commit = _MAIN[repository] if tag == "HEAD" else tag
    return f"{repository}/{commit}/code/{file}"


def download(directory: Path, published: str = _PUBLISHED) -> int:
    """Put all files into a directory, or leave it as it was; return how many."""
    files = sources()
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as under_way:
        new = Path(under_way) / "new"
        new.mkdir()
        for name, path in files.items():
            url = f"{published}/{path}"
            with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - ours
                (new / name).write_bytes(answer.read())
        shutil.rmtree(directory, ignore_errors=True)
        new.rename(directory)
    return len(files)


if __name__ == "__main__":
    try:
        print(f"{download(DOWNLOADED)} files are in {DOWNLOADED}")
    except OSError as error:
        sys.exit(f"CAMARA's definitions could not be fetched: {error}")
