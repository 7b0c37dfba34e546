"""The secret that `receiver listen` signs with: the environment's, else one of its own."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from receiver.cli.terminal.setup import Refused
from receiver.events.webhook import key_of
from receiver.runtime.private_files import write_private

VARIABLE: Final = "RECEIVER_LISTEN_SECRET"


def signing_secret(environ: Mapping[str, str], data_dir: Path) -> str:
    """Return the secret: of the environment, or one that is made and kept in the data directory,
    so that it is the same next time; where there is no such directory it is a new one each time.
    Raises `Refused` for one that is malformed, or that cannot be read or kept.
    """
    if given := environ.get(VARIABLE, "").strip():
        return _checked(given, VARIABLE)
    file = data_dir / "listen-secret"
    if (found := _read(file)) is not None:
        return _checked(found, str(file))
    made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    if os.access(data_dir, os.W_OK):
        _write(file, made)
    return made


def kept(environ: Mapping[str, str], data_dir: Path) -> str:
    """Return the secret that `receiver listen` signed with here. Raises `Refused` without one."""
    if environ.get(VARIABLE, "").strip() or _has_one(data_dir):
        return signing_secret(environ, data_dir)
    raise Refused(
        f"no secret: give --secret, or set WEBHOOK_SECRETS (`receiver listen` has kept none in "
        f"{data_dir})"
    )


def refuse_passing(environ: Mapping[str, str], data_dir: Path) -> None:
    """Refuse where the secret would be another one each time: nothing would ever be signed with
    what is printed. Raises `Refused`.
    """
    if environ.get(VARIABLE, "").strip():
        return
    if not (_has_one(data_dir) or os.access(data_dir, os.W_OK)):
        raise Refused(
            f"{data_dir} is no directory to keep a secret in, so the next `receiver listen` signs "
            f"with another one: run it where the data directory is, or set RECEIVER_DATA_DIR to it "
            f"or {VARIABLE} to a secret"
        )


def _has_one(data_dir: Path) -> bool:
    return _read(data_dir / "listen-secret") is not None


def _read(file: Path) -> str | None:
    """Return what the file holds; None where there is none. Raises `Refused`."""
    try:
        return file.read_text("utf-8", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unusable(file, error) from None


def _write(file: Path, secret: str) -> None:
    try:
        write_private(file, secret)
    except OSError as error:
        raise _unusable(file, error) from None


def _unusable(file: Path, error: OSError) -> Refused:
    return Refused(f"{file}: {error.strerror}; set {VARIABLE} to a secret instead")


def _checked(secret: str, where: str) -> str:
    try:
        key_of(secret)
    except ValueError:
        raise Refused(
            f"{where} is no secret: whsec_ and base64 are wanted (openssl rand -base64 32)"
        ) from None
    return secret
