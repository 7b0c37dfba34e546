"""In-App Messaging at a simulated gateway: the shapes that AT&T's SDKs read, and the others."""

from typing import Any

import pytest

from receiver.simulate.att_gateway.scenario import Messages, Scenario
from tests.support.att_gateways import MESSAGES, SimulatedGateway, gateway

DELTA = "/myMessages/v2/delta"


@pytest.fixture(autouse=True)
def index(double: SimulatedGateway) -> None:
    assert double.request("POST", f"{MESSAGES}/index").status_code == 202


def listed(double: SimulatedGateway, **query: Any) -> Any:
    answer = double.request("GET", MESSAGES, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["messageList"]


def changes(double: SimulatedGateway, state: str) -> Any:
    answer = double.request("GET", DELTA, params={"state": state})
    assert answer.status_code == 200, answer.text
    return answer.json()["deltaResponse"]


def test_an_index_comes_first_and_takes_its_time() -> None:
    with gateway(Scenario(messages=Messages(index_after=5))) as double:
        double.control("mailbox", add=[{"text": "Hi"}])
        path = f"{MESSAGES}/index/info"
        nothing = {"status": "NOT_INITIALIZED", "state": "", "messageCount": 0}
        assert double.request("GET", path).json() == {"messageIndexInfo": nothing}
        assert double.request("GET", DELTA, params={"state": ""}).status_code == 400
        answer = double.request("POST", f"{MESSAGES}/index", content=b" ")
        assert (answer.status_code, answer.content) == (202, b"")
        begun = double.request("GET", path).json()["messageIndexInfo"]
        assert begun["status"] == "INITIALIZING"
        assert listed(double)["cacheStatus"] == "INITIALIZING"
        double.control("clock", ahead=6)
        done = double.request("GET", path).json()["messageIndexInfo"]
        assert (done["status"], done["messageCount"]) == ("INITIALIZED", 1)
        assert changes(double, done["state"])["delta"] == []


def test_messages_are_listed_the_newest_first(double: SimulatedGateway) -> None:
    photo = {"name": "a.jpg", "content_type": "image/jpeg", "text": "bytes"}
    mms = {"subject": "See", "attachments": [photo], "favorite": True, "segment": [1, 2, 1]}
    double.control("mailbox", add=[{"text": "Hello", "sender": "tel:+1425"}, mms])
    found = listed(double)
    newest, first = found.pop("messages")
    assert found.pop("state")
    assert found == {"offset": 0, "limit": 500, "total": 2, "cacheStatus": "INITIALIZED"}
    assert len(first.pop("timeStamp")) == len("2012-01-14T12:00:00")
    assert first == {
        "messageId": "WU1",
        "from": {"value": "tel:+1425"},
        "recipients": [{"value": "tel:+12065550100"}],
        "isUnread": True,
        "isFavorite": False,
        "isIncoming": True,
        "type": "TEXT",
        "typeMetaData": {},
        "text": "Hello",
    }
    assert (newest["type"], newest["typeMetaData"]["subject"]) == ("MMS", "See")
    [content] = newest["mmsContent"]
    assert (content["contentName"], content["contentType"]) == ("a.jpg", "image/jpeg")
    part = double.request("GET", content["contentUrl"].removeprefix(double.url))
    assert (part.content, part.headers["content-type"]) == (b"bytes", "image/jpeg")
    one = double.request("GET", f"{MESSAGES}/WU1").json()["message"]
    assert one["text"] == "Hello"


def test_a_list_has_pages_filters_and_ids_that_fail(double: SimulatedGateway) -> None:
    double.control("mailbox", add=[{"text": f"t{n}", "unread": n % 2 == 0} for n in range(5)])
    assert [each["messageId"] for each in listed(double, limit=2, offset=1)["messages"]] == [
        "WU4",
        "WU3",
    ]
    assert listed(double, isUnread="true")["total"] == 3
    assert [each["text"] for each in listed(double, keyword="T3")["messages"]] == ["t3"]
    double.control("mailbox", failing={"WU2": 1})
    query = {"messageIds": "WU1,WU2,WU9", "limit": 3, "offset": 0}
    found = listed(double, **query)
    assert found["failedMessages"] == ["WU2", "WU9"]
    assert [each["messageId"] for each in found["messages"]] == ["WU1"]
    assert listed(double, **query)["failedMessages"] == ["WU9"]
    assert double.request("GET", MESSAGES, params={"limit": 501}).status_code == 400


def test_a_delta_has_ids_and_flags_of_what_changed_since(double: SimulatedGateway) -> None:
    double.control("mailbox", add=[{"text": "a"}, {"text": "b"}])
    state = listed(double)["state"]
    double.control(
        "mailbox",
        add=[{"text": "c"}, {"subject": "d"}, {"text": "gone at once"}],
        update=[{"id": "WU1", "unread": False, "favorite": True}, {"id": "WU3", "unread": False}],
        delete=["WU2", "WU5"],
    )
    found = changes(double, state)
    assert found["state"] != state
    flags = {"isUnread": True, "isFavorite": False}
    assert found["delta"] == [
        {
            "type": "TEXT",
            "adds": [{"messageId": "WU3", "isUnread": False, "isFavorite": False}],
            "deletes": [{"messageId": "WU2"} | flags],
            "updates": [{"messageId": "WU1", "isUnread": False, "isFavorite": True}],
        },
        {"type": "MMS", "adds": [{"messageId": "WU4"} | flags], "deletes": [], "updates": []},
    ]
    assert changes(double, found["state"])["delta"] == []


@pytest.mark.parametrize("order", [{"drop_index": True}, {"error": True}])
def test_an_index_that_is_lost_makes_states_unknown(
    double: SimulatedGateway, order: dict[str, bool]
) -> None:
    state = listed(double)["state"]
    double.control("mailbox", **order)
    assert double.request("GET", DELTA, params={"state": state}).status_code == 400
    double.request("POST", f"{MESSAGES}/index")
    known = double.request("GET", DELTA, params={"state": state}).status_code == 200
    assert known is ("error" in order)
    assert double.request("GET", DELTA, params={"state": "rubbish"}).status_code == 400


def test_an_index_is_dropped_after_thirty_idle_days(double: SimulatedGateway) -> None:
    double.control("clock", ahead=29 * 1440)
    state = listed(double)["state"]
    double.control("clock", ahead=58 * 1440)
    assert changes(double, state)
    double.control("clock", ahead=89 * 1440)
    info = double.request("GET", f"{MESSAGES}/index/info").json()["messageIndexInfo"]
    assert info["status"] == "NOT_INITIALIZED"


def test_flags_change_and_messages_are_deleted(double: SimulatedGateway) -> None:
    double.control("mailbox", add=[{"text": "a"}, {"text": "b"}, {"text": "c"}])
    one = {"message": {"isUnread": "false"}}  # AT&T's PHP SDK sends texts
    assert double.request("PUT", f"{MESSAGES}/WU1", json=one).status_code == 204
    many = {"messages": [{"messageId": "WU2", "isUnread": False, "isFavorite": True}]}
    assert double.request("PUT", MESSAGES, json=many).status_code == 204
    found = {each["messageId"]: each for each in listed(double)["messages"]}
    assert [found[name]["isUnread"] for name in ("WU1", "WU2", "WU3")] == [False, False, True]
    assert double.request("DELETE", f"{MESSAGES}/WU1").status_code == 204
    assert double.request("DELETE", MESSAGES).status_code == 204
    assert listed(double)["total"] == 2
    assert double.request("DELETE", f"{MESSAGES}?messageIds=WU2,WU3").status_code == 204
    assert listed(double)["total"] == 0
    gone = f"{MESSAGES}/WU1"
    assert double.request("PUT", gone, json=one).status_code == 404
    assert [double.request(each, gone).status_code for each in ("GET", "DELETE")] == [404, 404]


def test_a_subscriber_s_message_is_sent_and_stands_in_the_mailbox(
    double: SimulatedGateway,
) -> None:
    wanted = {"addresses": ["tel:+1425"], "text": "Hello", "isGroup": "false"}
    answer = double.request("POST", MESSAGES, json={"messageRequest": wanted})
    assert (answer.status_code, list(answer.json())) == (201, ["id"])
    [found] = listed(double)["messages"]
    assert (found["isIncoming"], found["isUnread"], found["text"]) == (False, False, "Hello")
    assert found["messageId"] != answer.json()["id"]
    refused = double.request("POST", MESSAGES, json={"messageRequest": {"text": "x"}})
    assert refused.json()["RequestError"]["ServiceException"]["MessageId"] == "SVC0004"


def test_a_message_with_attachments_comes_in_parts(double: SimulatedGateway) -> None:
    body = (
        b'--b\r\ncontent-type: application/json\r\n\r\n{"messageRequest": {"addresses": '
        b'["tel:+1425"], "text": "see"}}\r\n--b\r\ncontent-type: image/png\r\n'
        b'content-disposition: attachment; filename="a.png"\r\n'
        b"content-transfer-encoding: base64\r\n\r\nAAEC\r\n--b--\r\n"
    )
    kind = {"content-type": 'multipart/form-data; type="application/json"; boundary="b"'}
    assert double.request("POST", MESSAGES, content=body, headers=kind).status_code == 201
    part = double.request("GET", f"{MESSAGES}/WU1/parts/0")
    assert (part.content, part.headers["content-type"]) == (b"\0\1\2", "image/png")


def test_consent_can_be_required() -> None:
    with gateway(Scenario(messages=Messages(require_consent=True))) as double:
        token = double.grant(grant_type="client_credentials", scope="MIM").json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        answer = double.http.get(MESSAGES, headers=headers)
        assert answer.json()["RequestError"]["PolicyException"]["MessageId"] == "POL0002"
        assert double.request("GET", MESSAGES).status_code == 200


def test_the_reconstruction_s_shapes_are_others() -> None:
    with gateway(Scenario(messages=Messages(form="openapi"))) as double:
        made = double.request("POST", f"{MESSAGES}/index")
        assert made.status_code == 200
        info = made.json()["messageIndexInfo"]
        assert (info["status"], set(info)) == ("INITIALIZED", {"status", "state"})
        double.control("mailbox", add=[{"text": "Hi", "sender": "tel:+1"}, {"text": "gone"}])
        double.control("mailbox", delete=["WU2"], update=[{"id": "WU1", "unread": False}])
        page = double.request("GET", MESSAGES).json()["messageResultSet"]
        assert (page["totalCount"], page["offset"]) == (1, 0)
        [found] = page["messages"]
        assert (found["from"], found["recipients"]) == ("tel:+1", ["tel:+12065550100"])
        assert "text" not in found
        assert double.request("GET", f"{MESSAGES}/WU1").json()["message"]["text"] == "Hi"
        answer = double.request("GET", DELTA, params={"state": info["state"]})
        delta = answer.json()["deltaResponse"]
        assert [each["messageId"] for each in delta["addedMessages"]] == ["WU1"]
        assert (delta["updatedMessages"], delta["deletedMessages"]) == ([], [])
        changed = double.request("PUT", f"{MESSAGES}/WU1", json={"message": {"isUnread": True}})
        assert (changed.status_code, changed.json()) == (200, {"id": "WU1"})


def test_two_clients_have_two_mailboxes(double: SimulatedGateway) -> None:
    double.control("mailbox", client="another", add=[{"text": "private"}])
    assert listed(double)["total"] == 0
    headers = double.token(client="another")
    double.http.post(f"{MESSAGES}/index", headers=headers)
    assert double.http.get(MESSAGES, headers=headers).json()["messageList"]["total"] == 1
