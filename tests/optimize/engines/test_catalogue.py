"""The engines that the settings may name."""

import time
from collections.abc import Sequence

import pytest

from cluster.supervision import Supervision
from optimize.engines.catalogue import build_engines
from tests.optimize.engines.rigs import FAKE


def test_catalogue_adds_local_and_refuses_what_it_does_not_know() -> None:
    def spawn(argv: Sequence[str], **_: object) -> None:
        raise AssertionError("nothing is started before start()")

    def build(*order: str) -> list[str]:
        engines = build_engines(
            order, workers=2, spawn=spawn, restarts=Supervision,
            clock=time.monotonic_ns, evaluate=FAKE,
        )  # fmt: skip
        return [engine.name for engine in engines]

    assert build("ray") == ["ray", "local"]
    assert build("local") == ["local"]
    assert build("local", "ray", "local") == ["local", "ray"]
    assert build("ray", "spark") == ["ray", "spark", "local"]
    with pytest.raises(ValueError, match="engine 'spak': there are ray, spark, local"):
        build("spak")
