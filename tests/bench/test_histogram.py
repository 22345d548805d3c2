import msgspec
import numpy as np
import plotly.graph_objects as graph
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.histogram import PER_DECADE, count_samples
from bench.html_distributions import histogram_figures
from bench.html_figures import group_figures
from bench.report import Report
from bench.rows import Row, make_row


@given(st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=50))
def test_every_sample_is_counted_once_in_its_bin(values: list[float]):
    samples = np.array(values)
    found = count_samples(samples)
    assert sum(found.counts) == len(samples)
    assert found.counts[0] > 0 < found.counts[-1]
    assert len(found.edges) == len(found.counts) + 1
    np.testing.assert_allclose(
        np.divide(found.edges[1:], found.edges[:-1]), 10.0 ** (1.0 / PER_DECADE)
    )
    # A sample that lies on an edge but for rounding may be counted on either side of it.
    for low, high, count in zip(found.edges, found.edges[1:], found.counts, strict=False):
        inside = np.sum((samples >= low * (1 + 1e-12)) & (samples < high * (1 - 1e-12)))
        beside = np.sum((samples >= low * (1 - 1e-12)) & (samples < high * (1 + 1e-12)))
        assert inside <= count <= beside


@pytest.mark.parametrize("values", [[], [1.0, 0.0], [-1.0]])
def test_what_has_no_logarithm_is_refused(values: list[float]):
    with pytest.raises(ValueError, match="above 0"):
        count_samples(np.array(values))


def test_a_row_keeps_its_counts_and_one_without_is_written_as_before():
    row = make_row("job", "silverbullet", "us", [[1.0, 1.0, 50.0]], with_histogram=True)
    assert row.histogram is not None
    assert row.histogram.counts[0] == 2
    assert msgspec.json.decode(msgspec.json.encode(row), type=Row) == row
    assert b"histogram" not in msgspec.json.encode(make_row("job", "silverbullet", "us", [[1.0]]))


def test_several_subjects_of_a_case_are_lines_of_their_shares_in_one_figure():
    rows = [
        make_row("loop, total", "silverbullet", "us", [[1.1] * 3 + [80.0]], with_histogram=True),
        make_row("loop, total", "relay", "us", [[1.1] * 9 + [2.0]], with_histogram=True),
        make_row("loop, total", "a library", "us", [[5.0]]),
    ]
    (figure,) = histogram_figures(graph, rows)
    assert [line.name for line in figure.data] == ["silverbullet", "relay"]
    assert [max(line.y) for line in figure.data] == [75.0, 90.0]
    assert all(sum(line.y) == pytest.approx(100.0) for line in figure.data)
    assert figure.layout.xaxis.type == "log"


def test_bars_reach_from_edge_to_edge_and_one_sample_is_seen():
    row = make_row("worst", "silverbullet", "us", [[1.1] * 900 + [80.0]], with_histogram=True)
    report = Report(bench="kernels", machine={}, versions={}, rows=(row,))
    (group,) = group_figures(graph, report)
    (figure,) = group.figures
    (bars,) = figure.data
    assert row.histogram is not None
    lows = np.array(bars.x) - np.array(bars.width) / 2.0
    np.testing.assert_allclose(lows, row.histogram.edges[:-1])
    assert list(bars.y) == list(row.histogram.counts)
    assert 10.0 ** figure.layout.yaxis.range[0] < min(count for count in bars.y if count)
