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
    Raises `Refused` for one that is malformed.
    """
    if given := environ.get(VARIABLE, "").strip():
        return _checked(given, VARIABLE)
    file = data_dir / "listen-secret"
    if file.exists():
        return _checked(file.read_text("utf-8").strip(), str(file))
    made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    if os.access(data_dir, os.W_OK):
        write_private(file, made)
    return made


def kept(environ: Mapping[str, str], data_dir: Path) -> str:
    """Return the secret that `receiver listen` has signed with here. Raises `Refused` where there
    is none.
    """
    if environ.get(VARIABLE, "").strip() or (data_dir / "listen-secret").exists():
        return signing_secret(environ, data_dir)
    raise Refused(
        f"no secret: give --secret, or set WEBHOOK_SECRETS (`receiver listen` has kept none in "
        f"{data_dir})"
    )


def refuse_passing(environ: Mapping[str, str], data_dir: Path) -> None:
    """Refuse where the secret would be another one each time: nothing would ever be signed with
    what is printed. Raises `Refused`.
    """
    kept = (data_dir / "listen-secret").exists() or os.access(data_dir, os.W_OK)
    if not (kept or environ.get(VARIABLE, "").strip()):
        raise Refused(
            f"{data_dir} is no directory to keep a secret in, so the next `receiver listen` signs "
            f"with another one: run it where the data directory is, or set RECEIVER_DATA_DIR to it "
            f"or {VARIABLE} to a secret"
        )


def _checked(secret: str, where: str) -> str:
    try:
        key_of(secret)
    except ValueError:
        raise Refused(
            f"{where} is no secret: whsec_ and base64 are wanted (openssl rand -base64 32)"
        ) from None
    return secret
