"""Runs one step of one slot: which module does it."""

from receiver.subscriptions import attempts, creation, ending, silence, unknown_attempts
from receiver.subscriptions.context import Context
from receiver.subscriptions.next_step import next_step
from receiver.subscriptions.store import Change


async def run_step(context: Context, name: str) -> None:
    """Run the next step of one slot, if it is due. Raises `LeaseLost`."""
    slot = await context.store.read_slot(name)
    step = next_step(slot, context.policy(slot)) if slot else None
    if slot is None or step is None or step.at > context.store.now():
        await context.store.update_slot(name, lambda _: Change())  # stores when it is due
        return
    match step.action, step.attempt:
        case "create", _:
            await creation.create_subscription(context, slot)
        case "remove_slot", _:
            await ending.remove_slot(context, name)
        case "discard_intent", attempt if attempt:
            await attempts.discard_intent(context, name, attempt.id)
        case "mark_unknown", attempt if attempt:
            await attempts.mark_unknown(context, name, attempt.id)
        case "resolve", attempt if attempt:
            await unknown_attempts.resolve(context, slot, attempt)
        case "check_alive", attempt if attempt:
            await ending.check_alive(context, slot, attempt)
        case "remove_attempt", attempt if attempt:
            await ending.remove_attempt(context, name, attempt.id, attempt.ended or ending.EXPIRED)
        case "make_room", attempt if attempt:
            await creation.make_room(context, slot, attempt)
            await run_step(context, name)  # thousands may be due: its successor waits for none
        case "mark_for_deletion", attempt if attempt:
            await ending.mark_for_deletion(context, name, attempt.id)
        case "delete", attempt if attempt:
            await ending.delete_subscription(context, slot, attempt)
            if slot.gap:
                await run_step(context, name)
        case "check_silence", attempt if attempt:
            await silence.check_silence(context, slot, attempt)
