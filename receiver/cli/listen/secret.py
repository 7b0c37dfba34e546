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
_FILE: Final = "listen-secret"


def signing_secret(environ: Mapping[str, str], data_dir: Path) -> str:
    """Return the secret that there is, or one that is made and kept in the data directory, so that
    it is the same next time; where there is no such directory it is a new one each time. Raises
    `Refused` for one that is malformed, or that cannot be read or kept.
    """
    if found := kept(environ, data_dir):
        return found
    made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    if os.access(data_dir, os.W_OK):
        file = data_dir / _FILE
        try:
            write_private(file, made)
        except OSError as error:
            raise _unusable(file, error) from None
    return made


def kept(environ: Mapping[str, str], data_dir: Path) -> str:
    """Return the secret of the environment, else the one that the data directory has; empty without
    one. Raises `Refused` for one that is malformed or cannot be read.
    """
    if given := environ.get(VARIABLE, "").strip():
        return _checked(given, VARIABLE)
    file = data_dir / _FILE
    try:
        return _checked(file.read_text("utf-8", "replace").strip(), str(file))
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise _unusable(file, error) from None


def refuse_passing(environ: Mapping[str, str], data_dir: Path) -> None:
    """Refuse where the secret would be another one each time: nothing would ever be signed with
    what is printed. Raises `Refused`.
    """
    if not kept(environ, data_dir) and not os.access(data_dir, os.W_OK):
        raise Refused(
            f"{data_dir} is no directory to keep a secret in, so the next `receiver listen` signs "
            f"with another one: run it where the data directory is, or set RECEIVER_DATA_DIR to it "
            f"or {VARIABLE} to a secret"
        )


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
