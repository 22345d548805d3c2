import json
from pathlib import Path

import msgspec
import numpy as np
import plotly.graph_objects as graph
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.brokers import embedded_broker
from bench.html_distributions import course_figures
from bench.kept_results import read_kept
from bench.page import make_page
from bench.soak.benchmark import run_bench
from bench.soak.parts import PARTS
from bench.soak.trends import BLOCKS, find_trend
from tests.descendants import descendants
from tests.integration.commands import until

HOUR_S = 3600.0


def trend_of(values: np.ndarray, *, hours: float = 0.5, least: float = 2.0):
    seconds = np.linspace(0.0, hours * HOUR_S, len(values))
    return find_trend("run", "RSS", "MiB", seconds, values, least_change=least)


def noise(seed: int, n: int = 360, sigma: float = 1.5) -> np.ndarray:
    return 200.0 + sigma * np.random.default_rng(seed).standard_normal(n)


@given(st.integers(0, 10_000), st.floats(12.0, 400.0))
def test_a_leak_is_found_in_noise_and_measured(seed: int, leak: float):
    values = noise(seed) + leak * np.linspace(0.0, 0.5, 360)
    trend = trend_of(values)
    assert trend.verdict == "grows"
    assert trend.low <= trend.slope <= trend.high
    assert trend.slope == pytest.approx(leak, abs=6 * trend.slope_error)
    assert trend.last_quarter > trend.first_quarter


@pytest.mark.parametrize("n", [40, 360])
def test_noise_is_hardly_ever_taken_for_a_leak_and_the_interval_holds_the_truth(n: int):
    trends = [trend_of(noise(seed, n), least=0.0) for seed in range(400)]
    # 95 of 100 intervals hold the true slope 0; of 400 between 367 and 393 do but for one in 1e4.
    held = sum(trend.low <= 0.0 <= trend.high for trend in trends)
    assert 363 <= held <= 396
    assert {trend.verdict for trend in trends} <= {"flat within its error", "grows", "falls"}


def test_noise_of_which_neighbours_are_alike_is_no_leak_either():
    # Garbage that comes and goes: a mean-reverting walk, its memory ten samples long.
    grown = 0
    for seed in range(200):
        steps = np.random.default_rng(seed).standard_normal(3600)
        walk = np.zeros(3600)
        for i in range(1, 3600):
            walk[i] = 0.9 * walk[i - 1] + steps[i]
        grown += trend_of(200.0 + walk, least=0.0).verdict == "grows"
    assert grown <= 20  # 2.5 % would be 5; a line through all samples says so in 33 %


def test_the_blocks_of_each_measure_are_drawn_and_older_results_have_none():
    trends = [trend_of(noise(1)), trend_of(noise(2), hours=1.0)]
    (figure,) = course_figures(graph, trends)
    first, second = figure.data
    assert len(first.x) == len(first.y) == BLOCKS
    assert 0.0 < first.x[0] < first.x[-1] < 30.0 < second.x[-1] < 60.0
    assert np.median(first.y) == pytest.approx(200.0, abs=1.0)
    old = msgspec.structs.replace(trends[0], block_minutes=(), block_medians=())
    assert list(course_figures(graph, [old])) == []


def test_an_outlier_moves_no_slope():
    values = noise(1)
    values[-1] += 5_000.0
    assert trend_of(values).verdict == "flat within its error"


def test_what_is_too_little_to_count_is_called_a_step():
    values = np.full(360, 200.0)
    values[180:] += 0.5
    assert trend_of(values).verdict == "steps"
    assert trend_of(values, least=0.1).verdict == "grows"
    assert trend_of(values[::-1], least=0.1).verdict == "falls"


def test_a_constant_has_no_slope_and_no_error():
    trend = trend_of(np.full(360, 7.0))
    assert (trend.slope, trend.low, trend.high) == (0.0, 0.0, 0.0)
    assert trend.verdict == "flat within its error"


def test_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="RSS of run: 7 samples"):
        trend_of(noise(1, 7))


def test_a_short_soak_watches_every_part_and_leaves_nothing_behind(tmp_path: Path):
    before = descendants()
    report = run_bench(embedded_broker, minutes=0.2, rate=500.0, output=tmp_path)
    until(lambda: descendants() <= before, "its processes to be gone", 5.0)
    found = {(trend.process, trend.measure): trend for trend in report.trends}
    for part in PARTS:
        assert 10 < found[part, "RSS"].last_quarter < 2000
        assert 3 <= found[part, "descriptors"].last_quarter < 500
        assert 1 <= found[part, "threads"].last_quarter < 200
    assert 0 < found["silverbullet", "decision"].first_quarter < 5_000
    assert 0 < found["serve", "answer"].first_quarter < 5_000
    # Four rows a second for twelve seconds; some pass while a busy machine decides, and at the
    # beginning some are of the history that fills the windows.
    assert 10 <= report.decisions <= 100
    (kept,) = tmp_path.glob("soak-*.json")
    assert read_kept(kept) == report
    assert json.loads(report.to_json())["bench"] == "soak"
    for text in (report.to_text(), make_page([report])):
        assert all(part in text for part in PARTS)
