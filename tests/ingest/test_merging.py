"""Merging is a stable sort by time, however rows lie in files and blocks."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import files
from ingest.files import open_ticks, sniff
from ingest.merging import Block, Source, clock, merge

# Few different times make many ties.
TIMES = st.lists(st.lists(st.integers(1, 12), max_size=14), max_size=6)


def source(order: int, times: list[int], cuts: list[int]) -> Source:
    """Make a source whose rows are numbered, cut into blocks; some of them empty."""
    clocks = np.array(times, np.int64)
    numbers = order * 1000 + np.arange(len(times))
    pieces = zip(np.split(clocks, cuts), np.split(numbers, cuts), strict=True)
    return Source(times[0] if times else 0, lambda: iter(pieces))


@given(TIMES, st.data())
def test_merging_is_a_stable_sort(times: list[list[int]], data: st.DataObject) -> None:
    ordered = [sorted(t) for t in times]
    sources = []
    for i, of_one in enumerate(ordered):
        cuts = data.draw(st.lists(st.integers(0, len(of_one)), max_size=4).map(sorted))
        sources.append(source(i, of_one, cuts))
    blocks = list(merge(sources))
    assert all(len(block[0]) for block in blocks)
    found = [row for block in blocks for row in zip(*(c.tolist() for c in block), strict=True)]
    rows = [(t, i * 1000 + k) for i, of_one in enumerate(ordered) for k, t in enumerate(of_one)]
    assert found == sorted(rows, key=lambda row: row[0])


@given(st.lists(st.integers(-5, 40)), st.integers(1, 20), st.integers(20, 30))
def test_a_clock_is_the_running_maximum_of_what_can_be(
    times: list[int], begin: int, latest: int
) -> None:
    found = clock(np.array(times, np.int64), begin, latest).tolist()
    now = begin
    for time, at in zip(times, found, strict=True):
        now = max(now, time) if 0 < time <= latest else now
        assert at == now


def test_a_source_is_open_only_while_its_rows_are_due() -> None:
    log: list[str] = []

    def day(n: int) -> Source:
        def read() -> Iterator[Block]:
            log.append(f"open {n}")
            for part in range(3):
                yield (np.arange(10) + 100 * n + 10 * part,)
            log.append(f"close {n}")

        return Source(100 * n, read)

    rows = np.concatenate([block[0] for block in merge([day(2), day(0), day(1)])])
    assert np.all(np.diff(rows) > 0)
    assert len(rows) == 90
    assert log == ["open 0", "close 0", "open 1", "close 1", "open 2", "close 2"]


def test_a_merge_holds_a_block_of_each_source_and_no_more() -> None:
    read = [0, 0]

    def endless(i: int) -> Iterator[Block]:
        while True:
            read[i] += 1
            yield (np.arange(100) + 100 * read[i],)

    merged = merge([Source(0, lambda: endless(0)), Source(0, lambda: endless(1))])
    passed_on = sum(len(next(merged)[0]) for _ in range(50))
    assert 100 * sum(read) - passed_on <= 200


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 4)), min_size=1, max_size=60))
def test_any_split_into_files_gives_the_same_ticks(rows: list[tuple[int, int]]) -> None:
    """Files on disk, tiny blocks: the whole way against a plain sort of all rows."""
    rows = sorted(rows, key=lambda row: row[0])
    with tempfile.TemporaryDirectory() as folder:
        for file in range(5):
            own = [(t, k) for k, (t, f) in enumerate(rows) if f == file]
            lines = [f"x,S{file},{t},{1_700_000_000_000_000 + t},{k},buy,{k + 1},1" for t, k in own]
            header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
            Path(folder, f"{file}.csv").write_text("\n".join([header, *lines]) + "\n")
        found = sniff([folder])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "_block_bytes", lambda n_files: 200)
            ids = np.concatenate([ticks.trade_ids for ticks in open_ticks(found)]).tolist()
    expected = sorted(range(len(rows)), key=lambda k: (rows[k][0], rows[k][1]))
    assert ids == expected
