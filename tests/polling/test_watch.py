"""What follows from each answer about a watched message."""

import pytest

from receiver.carriers.att.outbox import Status
from receiver.polling import watch as watching
from receiver.polling.watch import LIFE, Watch

BEGAN = 1_764_000_000_000
WATCH = Watch(poll="promo", id="SMS1", receipt="r", since=BEGAN)
A, B = "tel:+12065550100", "tel:+12065550101"


def status(address: str, word: str) -> Status:
    return Status(address, word, word == "DeliveredToTerminal")


def test_pauses_are_20_s_1_2_4_8_min_then_10_min_give_or_take_a_tenth() -> None:
    assert [watching.pause(looks) for looks in range(5)] == [20, 60, 120, 240, 480]
    later = [watching.pause(looks) for looks in range(5, 400)]
    assert 540 <= min(later) < 560
    assert 640 < max(later) <= 660


def test_the_first_looks_come_at_those_pauses_as_long_as_nothing_is_final() -> None:
    watch, pauses = WATCH, []
    for _ in range(4):
        step = watching.answered(watch, [status(A, "DeliveredToNetwork")], BEGAN + 1000)
        assert step.watch
        watch = step.watch
        pauses.append(step.pause)
    assert pauses == [60, 120, 240, 480]


def test_an_answer_like_the_last_is_counted_as_such() -> None:
    first = watching.answered(WATCH, [status(A, "DeliveredToNetwork")], BEGAN)
    assert first.watch
    assert first.counts == ()
    again = watching.answered(first.watch, [status(A, "DeliveredToNetwork")], BEGAN)
    assert again.counts == ("same",)
    assert watching.answered(first.watch, [status(A, "MessageWaiting")], BEGAN).counts == ()


def test_an_empty_answer_is_counted_so_too_and_the_watch_goes_on() -> None:
    step = watching.answered(WATCH, [], BEGAN)
    assert (step.counts, step.watch is None) == (("same",), False)


def test_it_ends_when_every_address_is_final() -> None:
    first = watching.answered(
        WATCH, [status(A, "DeliveredToTerminal"), status(B, "DeliveredToNetwork")], BEGAN
    )
    assert first.watch
    assert first.watch.open_addresses == [B]
    # The gateway may name only those of which there is news.
    last = watching.answered(first.watch, [status(B, "DeliveredToTerminal")], BEGAN)
    assert (last.watch, last.counts) == (None, ("final",))


def test_it_expires_after_73_hours_and_the_last_look_is_not_later() -> None:
    late = BEGAN + round(LIFE * 1000)
    before = watching.answered(WATCH, [], late - 30_000)
    assert before.watch
    assert before.watch.closing is None
    assert before.pause == 30
    over = watching.answered(WATCH, [status(A, "DeliveredToNetwork")], late)
    assert over.watch
    assert (over.watch.closing, over.counts, over.pause) == ("expired", (), 0)
    assert watching.answered(WATCH, [status(A, "DeliveredToTerminal")], late).counts == ("final",)
    assert watching.closed("expired") == watching.Step(watch=None, counts=("expired",))


def test_after_a_cut_answer_it_is_asked_for_at_once_and_then_less_and_less() -> None:
    watch, pauses = WATCH, []
    for _ in range(6):
        step = watching.salvaged(watch, [])
        assert step.watch
        watch = step.watch
        pauses.append(step.pause)
    assert pauses == [0, 30, 60, 120, 300, 300]
    whole = watching.answered(watch, [], BEGAN)
    assert whole.watch
    assert whole.watch.cut == 0


def test_what_is_left_of_a_cut_answer_is_known_but_never_the_end() -> None:
    step = watching.salvaged(WATCH, [status(A, "DeliveredToTerminal")])
    assert step.watch
    assert list(step.watch.known) == [A]
    assert step.watch.open_addresses == []


def test_a_message_without_any_answer_is_hopeless_an_hour_later() -> None:
    late = BEGAN + round(LIFE * 1000)
    assert not watching.hopeless(WATCH, late + 3_599_000)
    assert watching.hopeless(WATCH, late + 3_600_000)


def test_an_answer_that_says_nothing_about_the_message_counts_as_a_look_only() -> None:
    step = watching.refused(WATCH, BEGAN)
    assert step.watch
    assert (step.watch.looks, step.pause, step.counts) == (1, 60, ())


@pytest.mark.parametrize(
    ("message_id", "sentence"),
    [
        ("0x181bce3883beadf85443215d6fL", "pushed only"),
        ("0X1FL", "pushed only"),
        ("", "message id"),
        ("0", "message id"),
        ("null", "message id"),
        ("two words", "message id"),
        ("é", "message id"),
        ("x" * 257, "message id"),
    ],
)
def test_an_id_that_cannot_be_asked_for_is_refused_with_a_sentence(
    message_id: str, sentence: str
) -> None:
    assert sentence in watching.fault(message_id)


@pytest.mark.parametrize("message_id", ["SMSa9b4e1c25e2f8a0f", "abc-123", "0x181b", "a/b?c"])
def test_other_ids_are_taken(message_id: str) -> None:
    assert watching.fault(message_id) == ""


def test_a_sender_with_blanks_in_it_is_refused() -> None:
    assert "sender" in watching.fault("SMS1", "a b")


def test_a_record_is_read_as_it_was_written() -> None:
    watch = Watch(
        poll="p", id="i", sender="s", receipt="r", since=1, looks=2, known={A: ("x", True)}
    )
    assert watching.decode(watching.encode(watch)) == watch
