"""What may be said of an error of Redis."""

from typing import Any

import pytest
from redis.exceptions import ResponseError

from receiver.runtime import redis_errors
from tests.support.valkey import Valkey


@pytest.mark.parametrize("transaction", [True, False])
def test_of_a_command_in_a_pipeline_the_server_s_words_are_said_and_not_the_command(
    valkey: Valkey, transaction: bool
) -> None:
    client = valkey.client()
    client.set("a-key", "in the way")
    pipe: Any = client.pipeline(transaction=transaction)
    pipe.xadd("a-key", {"event": "a secret; of pipeline caused error: BUSY"})
    with pytest.raises(ResponseError) as fault:
        pipe.execute()
    assert redis_errors.refusal(fault.value) == "WRONGTYPE"
    assert redis_errors.message(fault.value).startswith("WRONGTYPE Operation against a key")
