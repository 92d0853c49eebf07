from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.faults.disk import Create, Delete, Disk, Sync, Truncate, Write

if TYPE_CHECKING:
    from benchmarks.faults.disk import Operation


def disk(*operations: Operation) -> Disk:
    made = Disk()
    for operation in operations:
        made.do(operation)
    return made


def found(made: Disk, times: int = 300) -> set[bytes | None]:
    return {made.after_power_cut(random.Random(seed)).get("f") for seed in range(times)}


def test_what_was_synced_stays_in_every_case() -> None:
    assert found(disk(Create("f"), Write("f", 0, b"abc"), Sync("f"))) == {b"abc"}
    assert found(disk(Create("f"), Write("f", 2, b"c"), Truncate("f", 4), Sync("f"))) == {b"\0\0c\0"}


def test_what_was_not_synced_is_there_or_not() -> None:
    assert found(disk(Create("f"), Write("f", 0, b"abc"))) == {b"", b"abc"}
    later = disk(Create("f"), Write("f", 0, b"a"), Sync("f"), Write("f", 0, b"b"), Write("f", 1, b"c"))
    assert found(later) == {b"a", b"b", b"ac", b"bc"}
    assert found(disk(Create("f"), Write("f", 0, b"abc"), Sync("f"), Truncate("f", 1))) == {b"abc", b"a"}


def test_a_write_tears_at_the_disks_sectors() -> None:
    torn = found(disk(Create("f"), Write("f", 0, bytes(1024)), Sync("f"), Write("f", 500, b"x" * 24)))
    first, second = b"x" * 12, b"x" * 12
    assert bytes(500) + first + bytes(512) in torn
    assert bytes(512) + second + bytes(500) in torn


def test_a_sync_of_one_file_says_nothing_of_another() -> None:
    made = disk(Create("f"), Create("g"), Write("f", 0, b"a"), Write("g", 0, b"b"), Sync("g"))
    assert found(made) == {b"", b"a"}
    assert made.after_power_cut(random.Random(0))["g"] == b"b"


def test_a_deleted_file_is_gone_and_a_new_one_of_its_name_is_empty() -> None:
    assert found(disk(Create("f"), Write("f", 0, b"a"), Sync("f"), Delete("f"))) == {None}
    assert found(disk(Create("f"), Write("f", 0, b"a"), Sync("f"), Delete("f"), Create("f"))) == {b""}
    assert found(disk(Create("f"), Write("f", 0, b"a"), Sync("f"), Create("f"))) == {b"a"}


@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.binary(min_size=1, max_size=1_500)), max_size=8), st.integers(0, 99)
)
def test_synced_writes_read_back_like_a_file(writes: list[tuple[int, bytes]], seed: int) -> None:
    made, plain = disk(Create("f")), bytearray()
    for offset, data in writes:
        made.do(Write("f", offset, data))
        plain.extend(bytes(max(0, offset - len(plain))))
        plain[offset : offset + len(data)] = data
    made.do(Sync("f"))
    assert made.after_power_cut(random.Random(seed)) == {"f": bytes(plain)}
