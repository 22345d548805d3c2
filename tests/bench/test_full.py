import importlib
import json
import os
import re
import signal
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import bench.full
from bench.full import PARTIAL, kept_steps, run_bench, run_steps, show_plan
from bench.full_plan import (
    VERSIONS,
    Step,
    describe_left,
    full_plan,
    short_plan,
    steps_left,
)
from bench.report import read_report
from bench.run_error import RunError
from bench.step_state import step_key
from cluster.process import spawn
from silverbullet.cli import main
from tests.descendants import descendants
from tests.integration.commands import until

ROOT = Path(__file__).parents[2]
# A benchmark of no time: it says that it was run, waits for its turn to end, keeps a result.
STEP = """
import sys, threading, time
from pathlib import Path
from bench.report import Report, keep_report
from bench.rows import make_row
name, place, output = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[sys.argv.index("--output") + 1])
with (place / "begun").open("a") as begun:
    begun.write(name + chr(10))
if name == "ingest" and not (place / "mended").exists():
    raise SystemExit("no such kernel")
while (place / f"hold-{name}").exists():
    time.sleep(0.02)
keep_report(Report(bench=name, machine={}, versions={},
                   rows=(make_row("job", "silverbullet", "us", [[1.0]]),)), output)
"""


def plan_of(place: Path, *names: str) -> tuple[Step, ...]:
    return tuple(Step(name, (name, str(place)), 1.0) for name in names)


def begun(place: Path) -> list[str]:
    path = place / "begun"
    return path.read_text().split() if path.exists() else []


def test_steps_are_run_in_order_and_what_is_there_is_not_run_again(tmp_path: Path):
    results = tmp_path / "results"
    plan = plan_of(tmp_path, "start", "memory")
    reports = run_steps(plan, results, ("-c", STEP))
    assert begun(tmp_path) == ["start", "memory"]
    assert [report.bench for report in reports] == ["start", "memory"]
    assert set(kept_steps(plan, results)) == {"start", "memory"}
    assert "bench start" in (results / "performance.md").read_text()
    assert "bench memory" in (results / "report.html").read_text()
    longer = [*plan, *plan_of(tmp_path, "storage")]
    run_steps(longer, results, ("-c", STEP))
    assert begun(tmp_path) == ["start", "memory", "storage"]
    assert read_report(kept_steps(longer, results)["storage"]).bench == "storage"


def test_steps_that_are_chosen_are_run_alone_and_the_others_stay_as_they_are(tmp_path: Path):
    results, plan = tmp_path / "results", plan_of(tmp_path, "start", "memory", "storage")
    reports = run_steps(plan, results, ("-c", STEP), only={"storage", "memory"})
    assert begun(tmp_path) == ["memory", "storage"]
    assert [report.bench for report in reports] == ["memory", "storage"]
    run_steps(plan, results, ("-c", STEP))
    assert begun(tmp_path) == ["memory", "storage", "start"]


def test_again_measures_anew_what_is_chosen_and_keeps_the_rest(tmp_path: Path, monkeypatch):
    plan = plan_of(tmp_path, "start", "memory")
    monkeypatch.setattr(bench.full, "full_plan", lambda: plan)
    monkeypatch.setattr(bench.full, "PROGRAM", ("-c", STEP))
    run_bench(tmp_path / "kept")
    run_bench(tmp_path / "kept", again=True, steps=["memory"])
    assert begun(tmp_path) == ["start", "memory", "memory"]


def test_a_step_that_is_not_in_the_plan_is_refused_with_those_that_are():
    told = CliRunner().invoke(main, ["bench", "full", "--plan", "--steps", "scale,kernel"])
    assert told.exit_code == 2
    assert "'kernel': one or more of kernels, scale, start" in told.output


def test_killed_at_any_time_it_goes_on_with_the_first_step_that_is_left(tmp_path: Path):
    results, hold = tmp_path / "results", tmp_path / "hold-memory"
    hold.touch()
    program = (
        "import sys; from pathlib import Path; from bench.full import run_steps; "
        "from bench.full_plan import Step; place = Path(sys.argv[1]); "
        "names = ('start', 'memory', 'storage'); "
        "run_steps([Step(name, (name, str(place)), 1.0) for name in names], "
        "place / 'results', ('-c', sys.argv[2]))"
    )
    before = descendants()
    child = spawn(
        [sys.executable, "-c", program, str(tmp_path), STEP],
        name="bench full", log_path=tmp_path / "log",
    )  # fmt: skip
    try:
        until(lambda: begun(tmp_path) == ["start", "memory"], "the second step", 60.0)
        os.kill(child.pid, signal.SIGKILL)
        until(lambda: child.poll() is not None, "its end", 10.0)
    finally:
        child.terminate(1.0)
    until(lambda: descendants() <= before, "the step to end with it", 10.0)
    plan = plan_of(tmp_path, "start", "memory", "storage")
    assert set(kept_steps(plan, results)) == {"start"}
    assert (results / f"{PARTIAL}memory").exists() == bool(list(results.glob(f"{PARTIAL}*")))
    hold.unlink()
    run_steps(plan, results, ("-c", STEP))
    assert begun(tmp_path) == ["start", "memory", "memory", "storage"]
    assert set(kept_steps(plan, results)) == {"start", "memory", "storage"}
    assert not list(results.glob(f"{PARTIAL}*"))


def test_a_step_that_fails_is_named_the_rest_is_run_and_it_is_tried_again(tmp_path: Path, capfd):
    results = tmp_path / "results"
    plan = plan_of(tmp_path, "ingest", "memory")
    with pytest.raises(RunError, match="ingest failed"):
        run_steps(plan, results, ("-c", STEP))
    told = capfd.readouterr().err
    assert "left: ingest, memory; about 2 min" in told.lower()
    assert "no such kernel" in told
    assert set(kept_steps(plan, results)) == {"memory"}
    assert (results / "report.html").exists()
    (tmp_path / "mended").touch()
    run_steps(plan, results, ("-c", STEP))
    assert begun(tmp_path) == ["ingest", "memory", "ingest"]


def test_what_is_left_is_told_with_its_time():
    plan = full_plan()
    assert steps_left(plan, {step.name for step in plan[1:]}) == [plan[0]]
    assert describe_left([]) == "nothing is left"
    assert describe_left([Step("a", (), 0.2), Step("b", (), 0.9)]) == "left: a, b; about 1 min"
    assert describe_left([Step("a", (), 150.0)]) == "left: a; about 2.5 hours"


def make_context(step: Step) -> click.Context:
    group, name, *options = step.arguments
    commands = main.commands[group]
    assert isinstance(commands, click.Group)
    # With its parents' settings: a command remembers the names of its help.
    parent = click.Context(main, **main.context_settings)
    return commands.commands[name].make_context(name, [*options, "--output", "here"], parent=parent)


@pytest.mark.parametrize("plan", [short_plan(), full_plan()])
def test_every_step_is_a_command_that_takes_its_options(plan: tuple[Step, ...]):
    assert len({step.name for step in plan}) == len(plan)
    for step in plan:
        assert make_context(step).params["output"] == Path("here")


# Each of them starts a whole program anew: they show a range, no interval.
FEW = {"memory": 3, "saturation": 3, "engines": 3, "cold": 3}
FOR_AN_INTERVAL = 6


def test_all_of_it_is_repeated_as_often_as_an_interval_needs():
    counts = {}
    for step in full_plan():
        params = make_context(step).params
        for name in {"repetitions", "cold"} & params.keys():
            if not params.get("overload"):  # one long run, in quarters
                module = importlib.import_module(f"bench.{step.arguments[1]}")
                if hasattr(module, "__path__"):
                    module = importlib.import_module(f"{module.__name__}.benchmark")
                given = params[name]
                found = getattr(module, name.upper()) if given is None else given
                counts["cold" if name == "cold" else step.name] = found
    assert {name: count for name, count in counts.items() if count < FOR_AN_INTERVAL} == FEW
    assert {"kernels", "scale", "start", "ingest", "pipeline", "pipeline-embedded"} <= set(counts)


def test_the_hours_that_are_told_are_those_of_the_plan():
    hours = sum(step.minutes for step in full_plan()) / 60.0
    told = {
        "Makefile": r"bench-full: .*\(([\d.]+) h\)",
        "README.md": r"make bench-full .*: ([\d.]+) hours",
    }
    for name, form in told.items():
        (found,) = re.findall(form, (ROOT / name).read_text())
        assert float(found) == pytest.approx(hours, abs=0.1), name


def test_all_of_it_plays_the_pipeline_on_both_brokers():
    params = [make_context(step).params for step in full_plan() if step.arguments[1] == "pipeline"]
    played = [one for one in params if not (one["overload"] or one["saturation"])]
    assert {one["broker"] for one in played} == {"kafka", "embedded"}
    assert len({(one["methods"], one["engines"], one["libraries"]) for one in played}) == 1


def test_the_short_form_is_planned_under_ten_minutes_and_on_embedded_parts():
    assert sum(step.minutes for step in short_plan()) < 10.0
    assert not any("kafka" in step.arguments for step in short_plan())
    told = CliRunner().invoke(main, ["bench", "full", "--short", "--plan"]).output
    assert "leaves out saturation, overload, soak" in told


@pytest.mark.parametrize(
    "fact", ["processor", "cores", "python", "numpy", "llvmlite", "ray", "java"]
)
def test_results_of_two_machines_or_versions_never_meet_in_one_folder(
    tmp_path: Path, monkeypatch, fact: str
):
    def folder() -> str:
        return show_plan(tmp_path).splitlines()[-1]

    monkeypatch.setattr(bench.full, "describe_java", lambda: {"java": "17.0.1"})
    before = folder()
    assert folder() == before
    for name in ("identify_machine", "describe_versions", "describe_java"):
        given = getattr(bench.full, name)

        def another(*arguments: object, given=given) -> dict[str, str]:
            found = given(*arguments)
            return found | ({fact: "another"} if fact in found else {})

        monkeypatch.setattr(bench.full, name, another)
    assert folder() != before


def test_what_a_kept_result_names_as_its_versions_tells_states_apart():
    named = {
        name
        for path in (ROOT / "docs/performance").rglob("*.json")
        for name in json.loads(path.read_text())["versions"]
    }
    # Quixstreams' are in the sources, Java's are asked for.
    assert named <= {*VERSIONS, "quixstreams", "java"}


def test_the_plan_says_which_steps_are_there(tmp_path: Path):
    text = show_plan(tmp_path)
    assert text.count("left  ") == len(full_plan())
    folder = Path(text.splitlines()[-1].removeprefix("results in "))
    folder.mkdir(parents=True)
    kept = folder / f"kernels-{step_key(full_plan()[0], ROOT)}.json"
    kept.write_text("{}")
    told = show_plan(tmp_path).splitlines()
    assert told[0].startswith("there")
    assert told[0].endswith(kept.name)
    assert told[-2].startswith("left: scale")
