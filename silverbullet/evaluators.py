"""The engines that settings or an admin ask for, and what dispatches to them."""

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs

from cluster.process import spawn
from cluster.supervision import Supervision
from optimize.engines.catalogue import build_engines
from optimize.engines.evaluator import Evaluator
from optimize.engines.moves import Policy, Switch
from optimize.evaluate import evaluate_block
from silverbullet.controls import EngineChoice
from silverbullet.settings import Settings
from silverbullet.steering import log_switch


def engine_log_path() -> Path:
    """Give the file that takes what engine hosts print; its last line says why one ended."""
    return Path(platformdirs.user_log_dir("silverbullet")) / "engine-hosts.log"


def settings_choice(settings: Settings) -> EngineChoice:
    """Give the engines that the settings say."""
    engine = settings.engine
    return EngineChoice(engine.order, engine.dispatch, engine.workers)


def make_evaluator(
    settings: Settings,
    choice: EngineChoice | None = None,
    ids: Iterator[int] | None = None,
    note_switch: Callable[[Switch], None] | None = None,
    policy: Policy | None = None,
) -> Evaluator:
    """Make the engines of a choice (without one: of the settings), and what dispatches to them.

    The interval of comparisons is the settings', whatever ``policy`` says.
    """
    choice = choice or settings_choice(settings)
    engines = build_engines(
        choice.order,
        workers=choice.workers,
        dispatch=choice.dispatch,
        addresses={"ray": settings.engine.ray_address, "spark": settings.engine.spark_master},
        spawn=functools.partial(spawn, log_path=engine_log_path()),
        restarts=Supervision,
        clock=time.monotonic_ns,
        all_at_once=settings.engine.compare_interval_s > 0,
    )
    compare_ns = round(settings.engine.compare_interval_s * 1e9)
    policy = dataclasses.replace(policy or Policy(), compare_ns=compare_ns)
    on_switch = note_switch or log_switch
    return Evaluator(engines, evaluate=evaluate_block, policy=policy, on_switch=on_switch, ids=ids)
