"""The credentials of an operator's table: its settings and the environment variables it names."""

from collections.abc import Mapping

from receiver.config.fault import shown
from receiver.config.operators import ClientCredentialsAuth, HeadersAuth, Operator, variable_faults
from receiver.outbound.authentication import FixedHeaders
from receiver.outbound.oauth import ClientCredentials


class NotConfigured(Exception):
    """The credentials of an operator cannot be had; the message is one sentence with the operator's
    name and what to do, without a secret.
    """


def credentials(operator: Operator, values: Mapping[str, str]) -> ClientCredentials | FixedHeaders:
    """Return what requests to an operator are authenticated with. Raises `NotConfigured`."""
    for name, wrong in sorted(variable_faults(operator, values).items()):
        what = wrong.partition(":")[0]
        raise NotConfigured(
            f"operator {operator.name!r}: the environment variable {shown(name)} {what}"
        )
    try:
        return _credentials(operator.auth, values)
    except ValueError as error:
        raise NotConfigured(f"operator {operator.name!r}: {error}") from None


def _credentials(
    auth: HeadersAuth | ClientCredentialsAuth, values: Mapping[str, str]
) -> ClientCredentials | FixedHeaders:
    if isinstance(auth, HeadersAuth):
        return FixedHeaders({name: values[var] for name, var in auth.headers_env.items()})
    return ClientCredentials(
        token_url=auth.token_url,
        client_id=auth.client_id,
        method=auth.method,
        secret=values.get(auth.secret_env, ""),
        key=values.get(auth.key_env, ""),
        key_id=auth.key_id,
        audience=auth.audience,
        scope=auth.scope,
    )
