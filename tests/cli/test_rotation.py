"""A rotation that Redis interrupts: the new token is printed, and what is left to do is said."""

import json
from pathlib import Path
from typing import Any

import pytest
import redis

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from tests.support.command_line import here
from tests.support.valkey import Valkey


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_the_new_token_is_printed_though_the_old_one_could_not_be_given_an_end(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def away(*_: Any) -> None:
        raise redis.ConnectionError("Connection refused")

    client = valkey.client()
    old = credential_store.add(client, "a-stored-token-1", Credential(label="att"))
    monkeypatch.setattr(credential_store, "set_expiry", away)
    done = here(tmp_path, "credentials", "rotate", "att", *words, REDIS_URL=valkey.url)
    assert done.code == 2
    token = json.loads(done.out)["token"] if words else done.out.strip()
    stored = {one.id for one in credential_store.all_stored(client)}
    assert stored == {old, credential_store.id_of(token)}
    assert "Connection refused" in done.err
    assert f"`receiver credentials revoke {old} --in-days 7`" in done.err
