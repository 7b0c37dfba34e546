"""What may be in flight at once, to the request and to the byte."""

import pytest

from receiver.web.admission import BODY_BYTES, Admission, Room


def test_so_many_requests_may_be_in_flight_and_each_gives_its_room_back() -> None:
    admission = Admission(2)
    admission.enter()
    assert not admission.full
    with Room(admission):
        assert admission.full
    assert not admission.full
    admission.leave(0)
    assert (admission.in_flight, admission.body_bytes) == (0, 0)


@pytest.mark.parametrize("complete", [True, False])
def test_bodies_may_have_exactly_so_many_bytes_together(*, complete: bool) -> None:
    admission = Admission(10)
    with Room(admission) as room:

        def fits(size: int) -> bool:
            return admission.enter(size) if complete else room.add_bytes(size)

        assert fits(BODY_BYTES - 1)
        assert not admission.full
        assert fits(1)
        assert admission.full
        assert not fits(1)
        if complete:
            for size in (BODY_BYTES - 1, 1, 1):
                admission.leave(size)
    assert (admission.in_flight, admission.body_bytes) == (0, 0)
