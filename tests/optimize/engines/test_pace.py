"""A block's time is guessed from what was measured, until one of its shape was."""

import re
from pathlib import Path

import pytest

from bench.growth import CLOUD, RESAMPLE
from bench.report import read_report
from optimize.engines.moves import Policy, Shape
from optimize.engines.pace import Pace

SCALE = Path(__file__).parents[3] / "docs/performance/scale.json"
KINDS = {RESAMPLE: ("resample", 32), CLOUD: ("cloud", 500)}


def test_the_guess_is_within_a_factor_of_two_of_the_figures_of_the_documentation():
    pace, seen = Pace(Policy()), set()
    for row in read_report(SCALE).rows:
        if row.case in KINDS:
            kind, draws = KINDS[row.case]
            size = re.match(r"(\d+) assets", row.subject)
            assert size is not None
            guess_us = pace.block_ns(Shape(kind, int(size[1]), draws)) / 1e3
            assert 0.5 < guess_us / row.p50 < 2.0, (row.case, row.subject)
            seen.add((kind, int(size[1])))
    assert {(kind, n) for kind in ("resample", "cloud") for n in (10, 100, 1000)} <= seen


def test_what_was_measured_takes_the_place_of_the_guess():
    pace, shape = Pace(Policy()), Shape("resample", 50, 32)
    guess_ns = pace.block_ns(shape)
    pace.computed(shape, 5_000_000)
    assert pace.block_ns(shape) == 5e6
    assert pace.block_ns(shape._replace(n_assets=51)) == pytest.approx(guess_ns, rel=0.05)


def test_a_first_job_keeps_no_more_of_its_time_for_the_last_resort_than_it_needs_there():
    # 1024 draws of 100 assets on two workers took 45 ms: half as long again, and 5 ms.
    need_ms = Pace(Policy()).reserve_ns(Shape("resample", 100, 32), 32, 2) / 1e6
    assert 45 < need_ms < 100
