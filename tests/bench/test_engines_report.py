import json
import re
from pathlib import Path

import jsonschema
import msgspec
import numpy as np
import pytest

from bench.engines.findings import make_findings
from bench.engines.html import make_html
from bench.engines.jobs import JOBS
from bench.engines.latency_schedule import poisson_due_ns, serve_ns
from bench.engines.measure import Measured, Times
from bench.engines.page import BEGIN, END, make_figures, read_engine_report, replace_figures
from bench.engines.plan import estimate_s, full_plan, quick_plan, turn_key, within_budget
from bench.engines.report import EngineReport, build_report
from bench.engines.run import Kept
from bench.engines.stages import split
from bench.engines.subjects import SUBJECTS
from bench.engines.targets import find_targets
from bench.engines.turn import Answer, Spec
from bench.report import Report
from bench.rows import OURS
from bench.run_error import RunError
from tests.bench.report_form import FORM

DOCS = Path(__file__).parents[2] / "docs"


def a_turn(
    subject: str, ms: float, *, workers: int = 2, repetition: int = 0, job: str = "empty",
    sustained: float = 0.0,
) -> Kept:  # fmt: skip
    due = np.arange(40) * 1_000_000_000
    done = due + round(ms * 1e6)
    measured = Measured(
        rate=1.0,
        times=Times(due.tolist(), due.tolist(), done.tolist()),
        cpu_s=0.004,
        stages=split(0, 9_000_000, 9_500_000, [(2_000_000, 8_000_000)], 500_000, 250_000),
        sustained=sustained,
        trials=[],
    )
    spec = Spec(
        subject=subject, workers=workers, repetition=repetition, jobs=(job,), searched=(),
        rates={job: 1.0}, seconds=1.0, control=False,
    )  # fmt: skip
    answer = Answer(ready_s=2.0, first_s=2.5, warm_s=0.5, measured={job: measured})
    return Kept(spec=spec, answer=answer, peak_mib=100.0, fault="")


def a_report(*turns: Kept) -> EngineReport:
    return build_report(turns, {"cores": "2"}, {"ray": "2"}, {"gone-w2-r0": "<not> here"})


def test_a_report_has_the_projects_form_and_comes_back_whole():
    report = a_report(a_turn("local", 1.0), a_turn("local", 3.0, repetition=1))
    found = json.loads(report.to_json())
    jsonschema.validate(found, FORM | {"additionalProperties": True})
    latency = next(row for row in found["rows"] if row["case"] == "empty, 2 workers, latency")
    assert latency == {
        "case": "empty, 2 workers, latency", "subject": "local", "unit": "ms", "p50": 2.0,
        "p99": 3.0, "max": 3.0, "runs": [1.0, 3.0],
    }  # fmt: skip
    again = msgspec.json.decode(report.to_json(), type=EngineReport)
    assert again.to_json() == report.to_json()
    assert "empty, 2 workers, latency" in report.to_text()
    assert isinstance(report, Report)
    assert OURS not in {row.subject for row in report.rows}


def test_goals_are_ratios_within_repetitions_judged_by_their_range():
    report = a_report(
        a_turn("ray resident", 1.0), a_turn("ray resident", 10.0, repetition=1),
        a_turn("ray resident", 1.0, repetition=2),
        a_turn("Ray compiled graph", 7.0), a_turn("Ray compiled graph", 50.0, repetition=1),
        a_turn("bare Spark, default", 170.0), a_turn("bare Spark, default", 1000.0, repetition=1),
    )  # fmt: skip
    graph, spark = find_targets(report.details)
    assert "compiled graph" in graph.says
    assert graph[1:4] == pytest.approx((6.0, 5.0, 7.0))
    assert (graph.outcome, graph.spread_text()) == ("met", "5.00 to 7.00 (range)")
    assert spark[1:4] == pytest.approx((135.0, 100.0, 170.0))
    assert spark.outcome == "not decided"  # one of both repetitions meets 150


@pytest.mark.parametrize(
    ("over", "under", "job", "ratio", "outcome"),
    [
        ("ray tasks", "bare Ray tasks", "resample-50", 1.29, "met"),
        ("ray tasks", "bare Ray tasks", "cloud-100", 1.31, "missed"),
        ("spark tasks", "Spark mapPartitions, numpy", "resample-10", 0.49, "met"),
        ("spark tasks", "bare Spark, default", "resample-10", 0.51, "missed"),
        ("pipeline, ray, spark stands by", "pipeline, ray", "resample-50", 1.04, "met"),
        ("pipeline, ray, spark stands by", "pipeline, ray", "resample-50", 1.06, "missed"),
    ],
)
def test_each_goal_has_its_side(over: str, under: str, job: str, ratio: float, outcome: str):
    report = a_report(a_turn(over, 100.0 * ratio, job=job), a_turn(under, 100.0, job=job))
    (target,) = find_targets(report.details)
    assert target.value == pytest.approx(ratio)
    assert (target.outcome, target.spread_text()) == (outcome, "-")
    assert f"| - | {outcome} |" in make_figures(report)


def test_sustained_rates_are_compared_where_both_were_searched_for():
    report = a_report(
        a_turn("ray resident", 1.0, sustained=3000.0),
        a_turn("Ray compiled graph", 1.0, sustained=500.0),
    )
    by_latency, by_rate = find_targets(report.details)
    assert by_latency.outcome == "missed"
    assert by_rate.value == 6.0
    assert by_rate.outcome == "met"


def test_findings_say_what_the_figures_say():
    report = a_report(
        a_turn("ray tasks", 20.0, job="resample-50"),
        a_turn("spark tasks", 60.0, job="resample-50"),
        a_turn("ray resident", 10.0, job="resample-50"),
        a_turn("ray tasks", 36.0, job="resample-50", workers=1),
        a_turn("joblib, numpy", 400.0, job="resample-50"),
        a_turn("dask.distributed, numpy", 500.0, job="resample-50"),
    )  # fmt: skip
    said = "\n".join(make_findings(report))
    assert "ray resident 10.0 ms, ray tasks 20.0 ms, spark tasks 60.0 ms" in said
    assert "Spark takes 3.00x Ray's time (one repetition)" in said
    assert "dispatch tasks takes 2.00x the time of resident" in said
    assert "joblib, numpy (400 ms): 40.0x the time of ray resident" in said
    assert "makes ray tasks 1.80x as fast" in said
    assert "63 % is evaluation; most of the rest is send (1.50 ms)" in said
    assert "first decision 2.5 s after its process starts, and 500 ms after it is ready" in said
    assert "not quiet" not in said


def test_the_page_asks_nothing_of_the_network_and_holds_what_was_measured():
    report = a_report(
        a_turn("ray tasks", 20.0, sustained=40.0), a_turn("bare Ray tasks", 30.0),
        a_turn("ray tasks", 200.0, job="resample-50"),
    )  # fmt: skip
    page = make_html(report)
    own = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    asked = re.findall(r"""(?:src|href)=["']?([^"'> ]*)""", own)
    assert asked == ["data:,"]
    assert "<script src" not in page
    assert page.count("plotly.js v") >= 1
    assert "&lt;not&gt; here" in own
    for finding in make_findings(report):
        assert finding.split(",")[0] in own.replace("&#x27;", "'")


def _control(begun_from_due: bool) -> Answer:
    due = poisson_due_ns(1, 40.0, 5.0)
    service = np.full(len(due), 1_000_000)
    service[[50, 100, 150]] += 200_000_000
    begun, done = serve_ns(due, service)
    shown = due if begun_from_due else begun
    times = Times(shown.tolist(), begun.tolist(), done.tolist())
    turn = a_turn("local", 1.0).answer
    return msgspec.structs.replace(turn, control=times, stalled=[50, 100, 150])


def test_a_stall_shows_in_the_report_at_its_percentile():
    kept = msgspec.structs.replace(a_turn("local", 1.0), answer=_control(begun_from_due=True))
    (control,) = a_report(kept).controls
    assert control.latency.p99.value >= 200.0
    assert control.latency.p50.value < 10.0
    assert control.stalled == 3
    assert control.touched > 3


def test_a_stall_that_does_not_show_fails_the_benchmark():
    answer = _control(begun_from_due=True)
    assert answer.control is not None
    quick = [due + 1_000_000 for due in answer.control.due]
    lost = msgspec.structs.replace(answer, control=Times(answer.control.due, quick, quick))
    kept = msgspec.structs.replace(a_turn("local", 1.0), answer=lost)
    with pytest.raises(RunError, match="negative control of local"):
        a_report(kept)


def test_without_figures_there_is_no_report():
    with pytest.raises(RunError, match="no subject"):
        a_report()


def test_the_full_plan_is_the_whole_matrix_in_changing_order():
    plan = full_plan(10.0, 3)
    keys = [turn_key(spec) for spec in plan]
    assert len(set(keys)) == len(keys)
    turns = {(spec.subject, spec.workers, spec.repetition) for spec in plan}
    for name, subject in SUBJECTS.items():
        for workers in (1, 2):
            for repetition in range(3):
                wanted = workers == 2 or subject.group != "standby"
                assert ((name, workers, repetition) in turns) is wanted
    assert all(spec.jobs == JOBS for spec in plan if "pipeline" not in spec.subject)
    firsts = [next(s.subject for s in plan if s.repetition == k) for k in range(3)]
    assert len(set(firsts)) == 3
    controls = {spec.subject for spec in plan if spec.control}
    assert controls == {name for name, one in SUBJECTS.items() if one.group == "ours"}


def test_the_short_form_has_what_the_goals_compare_and_fits_four_minutes():
    plan = quick_plan(2.0)
    names = {spec.subject for spec in plan if spec.workers == 2}
    assert names >= {
        "ray resident", "spark resident", "Ray compiled graph", "bare Spark, default", "ray tasks",
        "bare Ray tasks", "spark tasks", "Spark mapPartitions, numpy", "pipeline, ray",
        "pipeline, ray, spark stands by",
    }  # fmt: skip
    assert sum(map(estimate_s, plan)) < 240
    assert any(spec.control for spec in plan)


def test_a_budget_leaves_out_what_is_done_or_does_not_fit():
    plan = quick_plan(2.0)
    first = turn_key(plan[0])
    longest = max(plan[1:], key=estimate_s)
    room = 100.0 + estimate_s(longest) - 0.1
    chosen = list(within_budget(plan, frozenset([first]), 100.0, room))
    assert plan[0] not in chosen
    assert longest not in chosen
    assert chosen
    assert all(100.0 + estimate_s(spec) <= room for spec in chosen)
    assert len(list(within_budget(plan, frozenset(), 1e9, None))) == len(plan)


def test_figures_are_replaced_between_the_markers_alone():
    report = a_report(a_turn("local", 1.0))
    page = f"head\n{BEGIN}\nformer figures\n{END}\ntail\n"
    made = replace_figures(page, report)
    assert made.startswith(f"head\n{BEGIN}\n")
    assert made.endswith(f"{END}\ntail\n")
    assert "former figures" not in made
    assert replace_figures(made, report) == made
    with pytest.raises(ValueError, match="no <!-- figures: begin"):
        replace_figures("without", report)


def test_the_documentation_is_made_from_the_report_beside_it():
    (path,) = (DOCS / "performance" / "engines").glob("*.json")
    page = (DOCS / "engines.md").read_text()
    assert replace_figures(page, read_engine_report(path)) == page
