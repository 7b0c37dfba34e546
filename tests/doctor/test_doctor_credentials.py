"""`receiver doctor` and `credentials list` on a credential that ends while another one follows."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from receiver.auth.bearer import Credential
from receiver.auth.credential_store import add, id_of
from receiver.contract.redis_keys import CREDENTIALS_USED
from tests.support.commands import run
from tests.support.eventually import eventually
from tests.support.examined import GOOD, examined, grave
from tests.support.running import Receiver
from tests.support.up import Up
from tests.support.valkey import Valkey

DAY = 86400.0


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def test_a_rotation_needs_somebody_until_the_new_token_is_used_and_nobody_after_that(
    receiver: Receiver, tmp_path: Path
) -> None:
    url = receiver.valkey.url

    def credentials(*words: str) -> Any:
        return run(tmp_path, "credentials", *words, REDIS_URL=url)

    receiver.also(RECEIVER_BEARER_TOKENS=GOOD)
    receiver.start_worker()
    eventually(lambda: receiver.redis.smembers("rq:workers:receiver-normalise"))
    old = id_of(credentials("add", "--label", "att").stdout.strip())
    new_token = credentials("rotate", "att").stdout.strip()
    new = id_of(new_token)
    found = examined(tmp_path, url)
    unused = f"the credential {old} (att) expires in 7.0 days; {new} is to take its place"
    assert grave(found, unused) == "warning"
    (fix,) = (one["fix"] for what, one in found.items() if unused in what)
    assert fix.startswith(f"register the new one: {new}")
    listed = credentials("list")
    assert listed.returncode == 1
    assert f"{old} att expires within a week, and {new} after it was never used" in listed.stderr

    receiver.redis.hset(CREDENTIALS_USED, _digest(new_token), str(time.time()))
    used = f"(att) expires in 7.0 days; {new}, which is used, takes its place"
    assert grave(examined(tmp_path, url, status=0), used) == "note"
    listed = credentials("list")
    assert listed.returncode == 0
    assert f"{old} att expires within a week (20" in listed.stderr
    assert f"{new} takes its place" in listed.stderr


def test_what_has_expired_is_grave_unless_another_one_is_used(
    valkey: Valkey, tmp_path: Path
) -> None:
    client, past = valkey.client(), time.time() - DAY
    add(client, "old", Credential(label="a", expires=past))
    add(client, "over-too", Credential(label="a", expires=past + 60))
    add(client, "new", Credential(label="a"))
    old = f"{id_of('old')} (a) has expired; {id_of('new')}"
    assert grave(examined(tmp_path, valkey.url), old) == "serious"
    client.hset(CREDENTIALS_USED, _digest("new"), str(time.time()))
    assert grave(examined(tmp_path, valkey.url), old) == "note"


def test_the_remedy_for_the_token_of_the_demo_names_what_it_comes_from(tmp_path: Path) -> None:
    def remedy(**environ: str) -> str:
        said = run(tmp_path, "doctor", "--json", **environ).stdout
        found = [json.loads(line) for line in said.splitlines()]
        assert not any("no credential" in one["what"] for one in found)
        (fix,) = (one["fix"] for one in found if "token of `receiver up --demo`" in one["what"])
        return str(fix)

    with Up(tmp_path) as up:
        up.events(3)
        fix = remedy()
        assert fix.startswith("receiver credentials add --label NAME  # then receiver up without")
        assert "RECEIVER_BEARER_TOKENS" not in fix
        (file,) = (word for word in fix.split() if word.endswith("demo-token"))
        token = (tmp_path / file).read_text().strip()
        assert "RECEIVER_BEARER_TOKENS" in remedy(RECEIVER_BEARER_TOKENS=token)


def test_without_the_environment_of_web_doctor_says_what_it_cannot_know(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.also(RECEIVER_BEARER_TOKENS=GOOD)
    receiver.start()
    eventually(lambda: receiver.redis.smembers("rq:workers:receiver-normalise"))
    found = examined(tmp_path, receiver.valkey.url, token="")
    what = "none is stored, and none is in RECEIVER_BEARER_TOKENS here"
    assert grave(found, what) == "serious"
    (said,) = (one for each, one in found.items() if what in each)
    assert said["why"].startswith("unless `receiver web` has that variable")
    assert "run doctor with the environment of web" in said["fix"]
    found = examined(tmp_path, receiver.valkey.url, status=0)
    assert not any("there is no credential" in one for one in found)
