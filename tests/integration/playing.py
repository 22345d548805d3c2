"""Small files of closes, and players of files in this process."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from silverbullet.feeding import FeedOptions
from silverbullet.once import run_once
from silverbullet.settings import load_settings
from tests.integration.commands import run_here

SETTINGS: dict[str, dict[str, Any]] = {
    "engine": {"order": ["local"]},
    "optimize": {"method": "exact"},
}


def walk(n_assets: int, n_rows: int, *, seed: int, drift: float = 2e-4) -> np.ndarray:
    """Make prices [n_rows, n_assets] of correlated random walks."""
    random = np.random.default_rng(seed)
    steps = 0.004 * random.standard_normal((n_rows, 1))
    steps = steps + 0.006 * random.standard_normal((n_rows, n_assets)) + drift
    return 100.0 * np.exp(np.cumsum(steps, axis=0))


def closes_file(path: Path, prices: np.ndarray, *, minutes: int = 5) -> Path:
    """Write wide closes: a time column, then one column a symbol."""
    times = np.datetime64("2024-03-01T00:00:00") + minutes * 60 * np.arange(len(prices))
    names = ",".join(f"COIN{k}" for k in range(prices.shape[1]))
    lines = [f"date,{names}"]
    for time, row in zip(times, prices.tolist(), strict=True):
        lines.append(",".join([str(time).replace("T", " "), *map(repr, row)]))
    path.write_text("\n".join(lines) + "\n")
    return path


def play_file(path: Path, **changes: dict[str, Any]) -> dict[str, Any]:
    """Play a file to its end in this process; gives what ``--once --json`` prints."""
    flags = {section: dict(values) for section, values in SETTINGS.items()}
    for section, values in changes.items():
        flags.setdefault(section, {}).update(values)

    def read(spacing: dict[str, dict[str, Any]]) -> Any:
        return load_settings(flags={**spacing, **_over(spacing, flags)})

    return run_once(read, [path], FeedOptions())


def play_here(folder: Path, *arguments: object) -> dict[str, Any]:
    """Do what `commands.play_once` does in this process."""
    done = run_here(folder, "demo", "--once", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _over(below: dict[str, dict[str, Any]], above: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {section: {**below.get(section, {}), **values} for section, values in above.items()}
