"""The bodies of In-App Messaging: as AT&T's SDKs read them (v2), and as OpenAPI has them."""

from collections.abc import Sequence
from typing import Any

from receiver.simulate.att_gateway.in_app.mailbox import Changed, Item, Mailbox

_OPENAPI_STATUS = {"INITIALIZING": "IN_PROGRESS"}


def index_info(mailbox: Mailbox, *, openapi: bool) -> dict[str, Any]:
    """Return the state of the index."""
    status = mailbox.status
    state = mailbox.state if status == "INITIALIZED" else ""
    if openapi:
        return {"messageIndexInfo": {"state": state, "status": _OPENAPI_STATUS.get(status, status)}}
    count = len(mailbox.items) if state else 0
    return {"messageIndexInfo": {"status": status, "state": state, "messageCount": count}}


def message(item: Item, base: str, *, openapi: bool, with_text: bool = True) -> dict[str, Any]:
    """Return one message. `base` is the address of the mailbox, for its attachments."""
    if openapi:
        return _openapi(item, with_text=with_text)
    found: dict[str, Any] = {
        "messageId": item.id,
        "from": {"value": item.sender},
        "recipients": [{"value": each} for each in item.recipients],
        "timeStamp": item.at.strftime("%Y-%m-%dT%H:%M:%S"),
        "isUnread": item.unread,
        "isFavorite": item.favorite,
        "isIncoming": item.incoming,
        "type": item.type,
        "typeMetaData": _meta(item),
    }
    if item.text:
        found["text"] = item.text
    if item.parts:
        found["mmsContent"] = [
            {
                "contentName": part.name,
                "contentType": part.media_type,
                "contentUrl": f"{base}/{item.id}/parts/{number}",
                "type": _kind(part.media_type),
            }
            for number, part in enumerate(item.parts)
        ]
    return found


def listed(
    items: Sequence[Item],
    failed: Sequence[str],
    mailbox: Mailbox,
    base: str,
    *,
    limit: int,
    offset: int,
    total: int,
    openapi: bool,
) -> dict[str, Any]:
    """Return a page of the list. The reconstruction's has no texts and no state."""
    shown = [message(each, base, openapi=openapi, with_text=False) for each in items]
    if openapi:
        inner = {"messages": shown, "totalCount": total, "offset": offset, "limit": limit}
        return {"messageResultSet": inner}
    found: dict[str, Any] = {
        "messages": shown,
        "offset": offset,
        "limit": limit,
        "total": total,
        "state": mailbox.state,
        "cacheStatus": mailbox.status,
    }
    if failed:
        found["failedMessages"] = list(failed)
    return {"messageList": found}


def delta(
    changes: Sequence[Changed], mailbox: Mailbox, base: str, *, openapi: bool
) -> dict[str, Any]:
    """Return what has changed: ids and flags, by type; the reconstruction's by kind of change."""
    if openapi:
        return {"deltaResponse": _openapi_delta(changes, mailbox, base)}
    kinds = {"adds": "ADD", "deletes": "DELETE", "updates": "UPDATE"}
    by_type = []
    for name in ("TEXT", "MMS"):
        here = [each for each in changes if each.type == name]
        if here:
            lists = {
                key: [_flags(each) for each in here if each.change == kind]
                for key, kind in kinds.items()
            }
            by_type.append({"type": name} | lists)
    return {"deltaResponse": {"state": mailbox.state, "delta": by_type}}


def _openapi_delta(changes: Sequence[Changed], mailbox: Mailbox, base: str) -> dict[str, Any]:
    def shown(kind: str) -> list[dict[str, Any]]:
        found = [mailbox.items[each.id] for each in changes if each.change == kind]
        return [message(each, base, openapi=True, with_text=False) for each in found]

    return {
        "addedMessages": shown("ADD"),
        "updatedMessages": shown("UPDATE"),
        "deletedMessages": [each.id for each in changes if each.change == "DELETE"],
        "state": mailbox.state,
    }


def _openapi(item: Item, *, with_text: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "messageId": item.id,
        "from": item.sender,
        "recipients": item.recipients,
        "isUnread": item.unread,
        "isIncoming": item.incoming,
        "type": item.type,
        "typeCode": "1" if item.type == "TEXT" else "2",
        "timeStamp": item.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if with_text:
        found |= {"text": item.text} | ({"subject": item.subject} if item.subject else {})
    return found


def _flags(changed: Changed) -> dict[str, Any]:
    return {
        "messageId": changed.id,
        "isUnread": changed.unread,
        "isFavorite": changed.favorite,
    }


def _meta(item: Item) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if item.subject:
        found["subject"] = item.subject
    if item.segment:
        reference, parts, part = item.segment
        found["isSegmented"] = True
        found["segmentationDetails"] = {
            "segmentationMsgRefNumber": reference,
            "totalNumberOfParts": parts,
            "thisPartNumber": part,
        }
    return found


def _kind(media_type: str) -> str:
    """Return AT&T's word for a kind of attachment."""
    kind = media_type.partition("/")[0].upper()
    return kind if kind in ("TEXT", "IMAGE", "AUDIO", "VIDEO") else "TEXT"
