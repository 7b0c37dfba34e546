"""Blocks of parked events: what was written is read, and damage is found and bounded."""

import random

import pytest

from workers.parking import segment
from workers.parking.segment import Block, DamagedError, Entry, Gap


def entries(count: int, first: int = 0) -> list[Entry]:
    return [
        (f"1700000000{n // 7:03}-{n % 7}", b'{"n":%d}' % n) for n in range(first, first + count)
    ]


def file_of(*sizes: int) -> bytes:
    """One block behind the other; the numbers begin at 40."""
    data, number = b"", 0
    for size in sizes:
        data += segment.pack(40 + number, entries(size, number))
        number += size
    return data


def scanned(data: bytes) -> list[Block | Gap]:
    return list(segment.scan(lambda at, size: data[at : at + size], len(data)))


def read(data: bytes) -> list[Entry]:
    """Everything that is in sound blocks."""
    found: list[Entry] = []
    for one in scanned(data):
        if isinstance(one, Block):
            try:
                found += segment.events(data[one.at : one.at + one.size])
            except DamagedError:
                continue
    return found


def test_what_was_written_is_read_in_its_order() -> None:
    data = file_of(3, 1, 500)
    assert read(data) == entries(504)
    blocks = [one for one in scanned(data) if isinstance(one, Block)]
    assert [(one.number, one.end) for one in blocks] == [(40, 43), (43, 44), (44, 544)]
    assert (blocks[2].first, blocks[2].last) == (entries(504)[4][0], entries(504)[-1][0])


def test_a_block_may_hold_ids_and_events_of_any_size() -> None:
    one = [("18446744073709551615-18446744073709551615", bytes(range(256)) * 5_000)]
    assert segment.events(segment.pack(2**63, one)) == one


@pytest.mark.parametrize("seed", range(20))
def test_one_wrong_byte_costs_one_block_and_no_other(seed: int) -> None:
    data = bytearray(file_of(5, 5, 5, 5))
    place = random.Random(seed).randrange(len(data))
    data[place] ^= 0xFF
    hit = sum(one.at <= place for one in scanned(file_of(5, 5, 5, 5))) - 1
    whole = entries(20)
    assert read(bytes(data)) == whole[: 5 * hit] + whole[5 * hit + 5 :]


def test_a_file_cut_short_anywhere_keeps_its_whole_blocks() -> None:
    data = file_of(4, 4)
    second = len(file_of(4))
    for length in range(len(data)):
        kept = entries(4) if length >= second else []
        assert read(data[:length]) == kept
        assert sum(one.size for one in scanned(data[:length])) == length


def test_bytes_that_are_no_block_are_a_gap() -> None:
    rubbish = b"\0" * 100 + segment.MAGIC + b"\0" * 100
    found = scanned(file_of(2) + rubbish + file_of(3))
    assert [type(one) for one in found] == [Block, Gap, Block]
    assert found[1].size == len(rubbish)


def test_events_that_are_alike_take_a_fraction_of_their_size() -> None:
    event = b'{"specversion":"1.0","id":"%032x","source":"/att/sms/mo","data":{"from":"+1206%07d"}}'
    many = [(f"1700000000000-{n}", event % (n * 7919, n)) for n in range(500)]
    assert len(segment.pack(0, many)) < 0.4 * sum(len(one) for _, one in many)
