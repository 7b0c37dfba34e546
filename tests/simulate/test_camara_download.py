"""`make camara`: all of CAMARA's definitions, or none."""

from pathlib import Path
from urllib.error import URLError

import pytest

from tests.support.camara_download import download, sources


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The files as they are published, each with its path as its text."""
    for path in sources().values():
        file = tmp_path / "published" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    return tmp_path / "published"


def test_each_file_comes_from_its_release(published: Path, tmp_path: Path) -> None:
    found = tmp_path / "var" / "camara"
    assert download(found, published.as_uri()) == len(list(found.iterdir()))
    name = "DeviceStatus@r1.3.device-roaming-status-subscriptions.yaml"
    path = "DeviceStatus/r1.3/code/API_definitions/device-roaming-status-subscriptions.yaml"
    assert (found / name).read_text() == path
    [feature] = found.glob("*retrieveDeviceRoamingStatusSubscriptionList.feature")
    assert feature.read_text().startswith("DeviceRoamingStatus/2aff3680")


def test_a_download_that_fails_half_way_changes_nothing(published: Path, tmp_path: Path) -> None:
    found = tmp_path / "camara"
    download(found, published.as_uri())
    before = sorted(found.iterdir())
    (published / list(sources().values())[-1]).unlink()
    with pytest.raises(URLError):
        download(found, published.as_uri())
    assert sorted(found.iterdir()) == before
    assert not [each for each in tmp_path.iterdir() if each not in (found, published)]
