"""What makes the kept result of a step void, and what does not."""

import ast
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

import pytest

import bench.full
from bench.full import kept_steps, run_steps
from bench.full_plan import Step, full_plan
from bench.run_error import RunError
from bench.step_state import MEASURED_BY, PRESENTATION, is_measured, program_files, step_key
from tests.bench.test_full import STEP, begun, plan_of

ROOT = Path(__file__).parents[2]
STEPS = {step.name: step for step in full_plan()}
FILES = [path for path, _ in program_files(ROOT)]
ROOTS = {
    "kernels": ["bench.kernels.benchmark"], "scale": ["bench.scale"], "start": ["bench.start"],
    "memory": ["bench.memory"], "ingest": ["bench.ingest", "bench.ingest_reader"],
    "pipeline": ["bench.pipeline.benchmark", "bench.pipeline.saturation", "bench.pipeline.overload",
                 "bench.pipeline.load", "bench.pipeline.peer_loop", "bench.pipeline.library_loop"],
    "soak": ["bench.soak.benchmark"], "engines": ["bench.engines.benchmark", "bench.engines.run"],
}  # fmt: skip


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Give a program of a file of each kind."""
    for path in ("bench/machine.py", "bench/findings.py", "ui/app.py", "optimize/factor.py",
                 "bench/engines/turn.py"):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "void"),
    [
        ("bench/findings.py", []),
        ("notes.md", []),
        ("ui/app.py", ["memory", "soak"]),
        ("bench/engines/turn.py", ["engines"]),
        ("optimize/factor.py", ["kernels", "pipeline", "memory", "soak", "engines"]),
        ("bench/machine.py", ["kernels", "pipeline", "memory", "soak", "engines"]),
        ("requirements.lock", ["kernels", "pipeline", "memory", "soak", "engines"]),
    ],
)
def test_a_change_makes_void_what_measures_the_file(program: Path, path: str, void: list[str]):
    names = ["kernels", "pipeline", "memory", "soak", "engines"]
    before = {name: step_key(STEPS[name], program) for name in names}
    assert before == {name: step_key(STEPS[name], program) for name in names}
    (program / path).write_text("x = 2\n")
    assert [name for name in names if step_key(STEPS[name], program) != before[name]] == void


def test_another_option_is_another_state_of_its_step_alone(program: Path):
    keys = [step_key(step, program) for step in STEPS.values()]
    assert len(set(keys)) == len(keys)
    changed = STEPS["scale"]._replace(arguments=("bench", "scale", "--repetitions", "7"))
    assert step_key(changed, program) != step_key(STEPS["scale"], program)


@pytest.mark.parametrize("form", [*PRESENTATION, *MEASURED_BY])
def test_no_line_of_the_tables_is_of_files_that_are_gone(form: str):
    assert any(fnmatch(path, form) for path in FILES)


def is_told(path: str) -> bool:
    return any(fnmatch(path, form) for form in PRESENTATION)


def imported(names: Iterable[str]) -> set[str]:
    """Give what some modules import, directly or not, but through what only tells results."""
    known = {path.removesuffix(".py").replace("/", "."): path for path in FILES}
    found: set[str] = set()
    left = list(names)
    while left:
        path = known.get(left.pop())
        if path is None or path in found or is_told(path):
            continue
        found.add(path)
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Import):
                left += [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                left += [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
    return found


def test_a_benchmark_is_void_when_what_it_imports_changes():
    assert ROOTS.keys() == {step.arguments[1] for step in full_plan()}
    for name, roots in ROOTS.items():
        assert [path for path in imported(roots) if not is_measured(path, name)] == [], name


def test_a_result_of_a_program_that_changed_meanwhile_is_not_kept(
    tmp_path: Path, capfd, monkeypatch
):
    def key(step: Step, _root: Path) -> str:
        """Have the program change as the first step begins."""
        return f"{step.name}-{len(begun(tmp_path)) > 0}"

    monkeypatch.setattr(bench.full, "step_key", key)
    results, plan = tmp_path / "results", plan_of(tmp_path, "start", "memory")
    with pytest.raises(RunError, match="start failed"):
        run_steps(plan, results, ("-c", STEP))
    assert "start is left as not measured: what it measures changed" in capfd.readouterr().err
    assert set(kept_steps(plan, results)) == {"memory"}
    run_steps(plan, results, ("-c", STEP))
    assert begun(tmp_path) == ["start", "memory", "start"]
    assert set(kept_steps(plan, results)) == {"start", "memory"}
