"""How long blocks take: measured where they were, guessed where they were not."""

from typing import TypeVar

from optimize.engines.moves import Policy, Shape

Key = TypeVar("Key")

_WEIGHT = 0.25  # of the newest value; four blocks forget half, so one slow block does not decide
_KNOWN_LIMIT = 1024  # shapes kept; a universe of 512 assets that grows one by one has 512
# us a draw on one core: what each costs, what each asset, what factors and their products; of a
# cloud n^2 a portfolio. Within a fifth of what `bench scale` measured from 10 to 1000 assets: draws
# 3.8, 15, 54, 2400 and 14 000 at 10, 50, 100, 500 and 1000, portfolios 0.08, 0.11, 0.16, 1.2 and
# 3.2. An exact job has one draw, of which it needs the solve alone: it is guessed long rather than
# short. A point of a frontier took 10, 58, 130 and 1100 at 10, 50, 100 and 500.
_DRAW_US = (2.2, 0.1, 4.4e-4, 2.5)
_US = {"cloud": (0.075, 5e-4, 2.8e-6, 2), "frontier": (0.0, 1.1, 2.2e-3, 2)}


class Pace:
    """Moving averages of block times by shape, and of whole loads by engine and shape."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._floors_ns = dict(policy.hedge_floors_ns)
        self._compute: dict[Shape, float] = {}
        self._span: dict[tuple[str, Shape], float] = {}

    def computed(self, shape: Shape, compute_ns: int) -> None:
        """Take in what one block took where it was evaluated."""
        _average(self._compute, shape, float(compute_ns))

    def spanned(self, engine: str, shape: Shape, span_ns: int, blocks: int) -> None:
        """Take in how long an engine took from being sent blocks to the last of them."""
        _average(self._span, (engine, shape), span_ns / blocks)

    def block_ns(self, shape: Shape) -> float:
        """Estimate one block's time on one core."""
        known = self._compute.get(shape)
        if known is not None:
            return known
        n = shape.n_assets
        each, asset, product, power = _US.get(shape.kind, _DRAW_US)
        return 1e3 * shape.draws * float(each + asset * n + product * n**power)

    def hedge_ns(self, engine: str, shape: Shape, blocks: int, workers: int) -> int:
        """Give the time after which so many blocks are late at an engine."""
        span_ns = self.block_ns(shape) * -(-blocks // max(1, workers))
        known = self._span.get((engine, shape))
        if known is not None:
            span_ns = max(span_ns, known * blocks)
        floor_ns = self._floors_ns.get(engine, self._policy.hedge_floor_ns)
        return floor_ns + int(self._policy.hedge_factor * span_ns)

    def reserve_ns(self, shape: Shape, blocks: int, workers: int) -> int:
        """Give the time to keep for so many blocks on the last resort."""
        need_ns = self.block_ns(shape) * -(-blocks // max(1, workers))
        return self._policy.reserve_floor_ns + int(self._policy.reserve_factor * need_ns)


def _average(values: dict[Key, float], key: Key, value: float) -> None:
    known = values.get(key)
    if known is None and len(values) >= _KNOWN_LIMIT:
        values.pop(next(iter(values)))
    values[key] = value if known is None else known + _WEIGHT * (value - known)
