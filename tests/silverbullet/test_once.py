import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.broker import EmbeddedBroker
from ingest.codec import decode
from ingest.consumer import TopicConsumer
from ingest.file_ticks import FileTicks
from ingest.formats import FileFormatError
from optimize.engines.local import LocalEngine
from optimize.evaluate import evaluate_block
from optimize.job import BlockResult, DrawJob
from silverbullet.feeding import FeedOptions
from silverbullet.once import MOST_UNREAD_BYTES, Credit, PlayedSource, run_once
from silverbullet.options import Refused
from silverbullet.settings import load_settings
from tests.integration.playing import closes_file, play_file, walk


@given(st.lists(st.tuples(st.integers(1, 900_000), st.integers(0, 3)), max_size=60))
def test_never_more_is_unread_than_the_credit(steps: list[tuple[int, int]]) -> None:
    """Against plain counting: a message goes when all unread ones and it fit, or none is unread."""
    read, sent = 0, []
    credit = Credit(lambda: read)
    for n_bytes, n_read in steps:
        read = min(len(sent), read + n_read)
        unread = sent[read:]
        wanted = not unread or sum(unread) + n_bytes <= MOST_UNREAD_BYTES
        assert credit.can_send(n_bytes) == wanted
        if wanted:
            sent.append(n_bytes)


def test_a_message_larger_than_the_credit_goes_alone() -> None:
    read = 0
    credit = Credit(lambda: read)
    assert credit.can_send(MOST_UNREAD_BYTES + 1)
    assert not credit.can_send(1)
    read = 1
    assert credit.can_send(1)


class BrokenSource:
    """Ticks that end in a file that breaks off."""

    def chunks(self, begin_ns: int, live_ns: int) -> Any:
        raise FileFormatError("ticks.csv.gz: breaks off at its middle")
        yield


def test_what_ends_the_feed_is_raised_where_it_is_read() -> None:
    with EmbeddedBroker() as broker, TopicConsumer(broker.address, ["ticks"]) as consumer:
        played = PlayedSource(consumer, "ticks")
        played.play(BrokenSource(), broker.address, threading.Event())
        assert played.is_fed.is_set()
        with pytest.raises(FileFormatError, match="breaks off"):
            played.at_end()


def test_the_object_printed_holds_what_was_promised(tmp_path: Path) -> None:
    answer = play_file(closes_file(tmp_path / "closes.csv", walk(3, 50, seed=9)))
    assert json.loads(json.dumps(answer, allow_nan=False))["ticks"] == answer["ticks"]
    assert set(answer) == {"decision", "ticks"}
    promised = {"weights", "mean", "volatility", "sharpe", "optimality_gap", "engine", "degraded"}
    assert set(answer["decision"]) >= promised | {"row", "digest", "skewness", "kurtosis", "reason"}
    assert set(answer["decision"]["weights"]) == {"COIN0", "COIN1", "COIN2"}
    assert answer["ticks"] == {
        "read": 150,
        "used": 150,
        "late": 0,
        "duplicate": 0,
        "rejected": {},
        "lost_offsets": 0,
    }


class LongSource:
    """12 MB of ticks, packed, where the broker keeps 5."""

    n_chunks, size = 60, 10_000

    def chunks(self, begin_ns: int, live_ns: int) -> Iterator[FileTicks]:
        for chunk in range(self.n_chunks):
            times = np.arange(self.size) + chunk * self.size + 10**18
            yield FileTicks(
                ("A", "B"),
                (np.arange(self.size) % 2).astype(np.int32),
                np.full(self.size, 100.0),
                times,
                np.full(self.size, -1),
                times,
            )


def test_more_than_the_broker_keeps_is_played_to_a_slow_reader_without_a_loss() -> None:
    stop, n_ticks = threading.Event(), 0
    with EmbeddedBroker() as broker, TopicConsumer(broker.address, ["ticks"]) as consumer:
        played = PlayedSource(consumer, "ticks")
        feeder = threading.Thread(target=played.play, args=(LongSource(), broker.address, stop))
        feeder.start()
        try:
            while not played.at_end():
                # As long as a reader may be busy elsewhere; a feed without credit is over by then.
                played.is_fed.wait(0.3)
                raw = played.poll(1.0)
                if raw is not None:
                    n_ticks += len(decode(raw.values).prices)
        finally:
            stop.set()
            feeder.join(30)
        assert played.lost_offsets == 0
    assert n_ticks == LongSource.n_chunks * LongSource.size


def test_only_the_last_row_is_decided_from_a_cold_start(tmp_path: Path) -> None:
    """The whole file and its last rows give one decision where the windows hold no more."""
    prices = walk(3, 400, seed=11)
    window = {"rows": 50, "ticks": 50}
    whole = play_file(closes_file(tmp_path / "whole.csv", prices), window=window)["decision"]
    path = closes_file(tmp_path / "part.csv", prices)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[-51:]]) + "\n")
    part = play_file(path, window=window)["decision"]
    for field in ("row", "mean", "volatility", "skewness", "kurtosis", "weights", "digest"):
        assert part[field] == whole[field]


HELD_S = 1.0  # live, Ray is overtaken after 30 ms and what its blocks take


class SlowEngine(LocalEngine):
    """Threads that are busy otherwise: each block is held for a while first."""

    name = "ray"

    def __init__(self) -> None:
        def held(job: DrawJob, block: int) -> BlockResult:
            threading.Event().wait(HELD_S)
            return evaluate_block(job, block)

        super().__init__(workers=4, evaluate=held)


@pytest.mark.parametrize(("limit", "decided_by"), [({}, "ray"), ({"deadline_s": 0.1}, "local")])
def test_a_decision_that_nobody_waits_for_is_the_named_engines_however_slow(
    limit: dict[str, float],
    decided_by: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engines = [SlowEngine(), LocalEngine(workers=1, evaluate=evaluate_block)]
    monkeypatch.setattr("silverbullet.evaluators.build_engines", lambda *_, **__: engines)
    answer = play_file(
        closes_file(tmp_path / "closes.csv", walk(3, 50, seed=9)),
        engine={"order": ["ray", "local"]},
        optimize={"method": "resample", "n_draws": 64, **limit},
    )
    decision = answer["decision"]
    assert decision["engine"] == decided_by
    assert decision["degraded"] == (decided_by == "local")


@pytest.mark.parametrize(
    ("options", "word"), [(FeedOptions(loop=True), "--loop"), (FeedOptions(speed="x"), "--speed")]
)
def test_what_has_no_end_or_no_sense_is_refused(
    options: FeedOptions, word: str, tmp_path: Path
) -> None:
    path = closes_file(tmp_path / "closes.csv", walk(2, 40, seed=1))
    with pytest.raises(Refused, match=word):
        run_once(lambda extra: load_settings(flags=extra), [path], options)


def test_an_interval_given_is_over_that_of_the_file(tmp_path: Path) -> None:
    path = closes_file(tmp_path / "closes.csv", walk(2, 400, seed=12), minutes=5)
    own = play_file(path)["decision"]
    wider = play_file(path, window={"sample_interval_s": 1_800})["decision"]
    assert own["sample_interval_ns"] == 300 * 10**9
    assert wider["sample_interval_ns"] == 1_800 * 10**9
    assert wider["n_observations"] == pytest.approx(400 / 6, abs=2)


def mixed_folder(folder: Path) -> Path:
    """Closes every five minutes beside trades: rows are of a second then, and 299 silent."""
    closes_file(folder / "closes.csv", walk(3, 120, seed=4))
    begin_ms = 1_709_251_200_000 + 119 * 300_000 - 60_000
    trades = [f"{k},{100 + k % 7},1,{100 + k % 7},{begin_ms + 900 * k},True" for k in range(60)]
    (folder / "XYZUSDT-trades-2024-03-01.csv").write_text("\n".join(trades) + "\n")
    return folder


def test_silent_rows_left_out_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mixed_folder(tmp_path)
    for window in ({"rows": 40}, {"rows": 300}, {"rows": 500, "stale_after": 2000}):
        quick = play_file(folder, window=window)
        with monkeypatch.context() as patch:
            patch.setattr("stats.market.Market.skip_silence", lambda market: None)
            slow = play_file(folder, window=window)
        assert quick == slow
        assert quick["decision"] is not None
        assert quick["ticks"]["used"] == 420


def test_rows_much_shorter_than_the_files_spacing_are_told_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play_file(mixed_folder(tmp_path))
    told = [line for line in capsys.readouterr().err.splitlines() if "rows last" in line]
    (line,) = told
    assert "rows last 1s, but closes.csv has prices 300s apart" in line
    assert "--sample-interval 300s" in line
    play_file(tmp_path, window={"sample_interval_s": 300})
    play_file(tmp_path / "closes.csv")
    assert "rows last" not in capsys.readouterr().err
