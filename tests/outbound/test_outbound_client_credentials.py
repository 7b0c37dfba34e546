"""A client's credentials at the token endpoint: secrets of any kind, signed assertions."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from base64 import urlsafe_b64decode
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from receiver.outbound import (
    ClientCredentials,
    OAuth,
    TokenRefused,
    assertion,
)
from receiver.outbound.http_client import HttpClient
from receiver.simulate.operator.scenario import Client, Scenario
from tests.support.commands import ROOT, free_port
from tests.support.eventually import eventually
from tests.support.operators import simulated
from tests.support.outbound import credentials


@pytest.mark.parametrize("secret", ["simulated-secret", "odd: %+/é ünd €"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_of_any_characters_arrives(secret: str, method: Any) -> None:
    with simulated(Scenario(client=(Client(id="a:b", secret=secret),))) as operator:
        answer = fetch(credentials(operator, client_id="a:b", secret=secret, method=method))
    assert answer["authorization"].startswith("Bearer ")


def fetch(client: ClientCredentials, times: int = 1) -> dict[str, str]:
    """The headers of the last of so many tokens, each asked for anew."""

    async def run() -> dict[str, str]:
        http = HttpClient(deadline=20)
        try:
            for _ in range(times):
                headers = await OAuth(client, http).headers()
            return headers
        finally:
            await http.close()

    return asyncio.run(run())


KEYS: dict[str, ECKey | RSAKey] = {
    "ES256": ECKey.generate_key("P-256"),
    "ES384": ECKey.generate_key("P-384"),
    "RS256": RSAKey.generate_key(2048),
}


@pytest.mark.parametrize("form", ["pem", "jwk"])
@pytest.mark.parametrize("algorithm", KEYS)
def test_a_signed_assertion_is_good_once_and_each_is_another(
    tmp_path: Path, algorithm: str, form: str
) -> None:
    key = KEYS[algorithm]
    shown = tmp_path / "jwks.json"
    shown.write_text(json.dumps({"keys": [key.as_dict(private=False) | {"kid": "k"}]}))
    known = Client(id="keyed", methods=("private_key_jwt",), jwks=str(shown))
    text = (
        key.as_pem(private=True).decode()
        if form == "pem"
        else json.dumps(key.as_dict(private=True))
    )
    with simulated(Scenario(client=(known,))) as operator:
        client = ClientCredentials(
            token_url=f"{operator.url}/oauth/token",
            client_id="keyed",
            method="private_key_jwt",
            key=text,
            key_id="k",
        )
        fetch(client, times=3)
        assert operator.books()["requests"] == {"token 200": 3}


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": ""},
        {"token_url": "http://api.example.com/token"},
        {"method": "private_key_jwt"},
        {"method": "private_key_jwt", "key": "no key"},
        {
            "method": "private_key_jwt",
            "key": '{"kty": "oct", "k": "c2VjcmV0LWFuZC1sb25nLWVub3VnaA"}',
        },
        {"method": "private_key_jwt", "key": json.dumps(KEYS["ES256"].as_dict(private=False))},
        {"method": "private_key_jwt", "key": KEYS["RS256"].as_pem(private=False).decode()},
        {"method": "private_key_jwt", "key": "{" * 100_000},
    ],
    ids=lambda wrong: "-".join(wrong),
)
def test_credentials_that_cannot_work_are_refused_before_they_are_used(
    wrong: dict[str, Any],
) -> None:
    good = {"token_url": "https://api.example.com/token", "client_id": "c", "secret": "s3cr3t"}
    with pytest.raises(ValueError, match="wanted") as refused:
        ClientCredentials(**good | wrong)
    assert "s3cr3t" not in str(refused.value)


def _has_oidc_provider() -> bool:
    return bool(shutil.which("node")) and (ROOT / "node_modules/oidc-provider").is_dir()


@pytest.mark.skipif(
    not _has_oidc_provider(),
    reason="node and `npm install --no-save oidc-provider@9` are needed",
)
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_oidc_provider_gives_us_tokens(method: Any) -> None:
    key, port = KEYS["ES256"], free_port()
    known = {
        "client_id": "a-client",
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "response_types": [],
        "token_endpoint_auth_method": method,
    }
    if method == "private_key_jwt":
        signing = {"jwks": {"keys": [key.as_dict(private=False)]}}
        known |= signing | {"token_endpoint_auth_signing_alg": "ES256"}
    else:
        known |= {"client_secret": "odd: %+/ and more than enough characters"}
    command = ["node", "tests/oidc_provider.mjs", str(port), json.dumps([known])]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as provider:
        try:
            eventually(lambda: _listens(port))
            client = ClientCredentials(
                token_url=f"http://127.0.0.1:{port}/token",
                client_id="a-client",
                method=method,
                secret=str(known.get("client_secret", "")),
                key=key.as_pem(private=True).decode() if method == "private_key_jwt" else "",
                scope="status:read",
            )
            assert fetch(client, times=2)["authorization"].startswith("Bearer ")
        finally:
            provider.kill()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def signed(text: str, key_id: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """The head and the claims of an assertion that this key has signed."""
    head, claims, _ = assertion.read(text, key_id).sign("me", "them").split(".")
    first, second = (json.loads(urlsafe_b64decode(f"{part}===")) for part in (head, claims))
    return first, second


def test_what_a_key_says_of_itself_counts_unless_the_table_says_its_name() -> None:
    own = KEYS["RS256"].as_dict(private=True) | {"kid": "own", "alg": "PS256"}
    head, _ = signed(json.dumps(own))
    assert (head["alg"], head["kid"]) == ("PS256", "own")
    assert signed(json.dumps(own), "named")[0]["kid"] == "named"
    plain, _ = signed(ECKey.generate_key("P-521").as_pem(private=True).decode())
    assert (plain["alg"], "kid" in plain) == ("ES512", False)


def test_an_assertion_lives_four_minutes_and_is_by_us_for_them() -> None:
    _, claims = signed(KEYS["ES256"].as_pem(private=True).decode())
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", "them")
    assert claims["exp"] - claims["iat"] == 240
    assert abs(claims["iat"] - time.time()) < 30


@pytest.mark.parametrize(("audience", "taken"), [("", True), ("/", True), ("/other", False)])
def test_an_assertion_is_for_the_audience_that_is_set(
    tmp_path: Path, audience: str, taken: bool
) -> None:
    key, shown = KEYS["ES256"], tmp_path / "jwks.json"
    shown.write_text(json.dumps({"keys": [key.as_dict(private=False) | {"kid": "k"}]}))
    known = Client(id="keyed", methods=("private_key_jwt",), jwks=str(shown))
    with simulated(Scenario(client=(known,))) as operator:
        client = ClientCredentials(
            token_url=f"{operator.url}/oauth/token",
            client_id="keyed",
            method="private_key_jwt",
            key=key.as_pem(private=True).decode(),
            key_id="k",
            audience=f"{operator.url}{audience}" if audience else "",
        )
        with nullcontext() if taken else pytest.raises(TokenRefused, match="invalid_client"):
            fetch(client)
