"""Engines that are only numbers in a heap: dispatch under a virtual clock and seeded faults."""

import heapq
import random
from collections import defaultdict
from collections.abc import Callable

from optimize.engines import moves
from optimize.engines.dispatch import Dispatch
from optimize.engines.moves import Policy, Shape

MS = 1_000_000
SHAPE = Shape("resample", 10, 32)
# The prior for this shape is 133 us a block; local needs that or less.
LOCAL_BLOCK_NS = 120_000


class World:
    """Runs a dispatch machine against engines `ray`, `spark` and `local`.

    ``local`` has two workers and always answers; the others follow ``moods``: good, slow,
    hung, failing, lost.
    """

    def __init__(self, seed: int, order: tuple[str, ...] = ("ray", "spark", "local")) -> None:
        self.random = random.Random(seed)
        self.now_ns = 1_000 * MS
        self.machine = Dispatch(
            [(name, 4 if name == "local" else None) for name in order], "local", Policy()
        )
        self.order = order
        self.mood = dict.fromkeys(order, "good")
        self.epoch: dict[str, int] = defaultdict(int)
        self.completed: dict[int, moves.Complete] = {}
        self.completed_ns: dict[int, int] = {}
        self.switches: list[moves.Switch] = []
        self.sent: list[tuple[int, str, int, tuple[int, ...]]] = []
        self.canaries: list[tuple[int, str]] = []
        self.local_queue: list[tuple[int, int]] = []
        self.local_idle = 2
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0

    def at(self, delay_ns: int, action: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (self.now_ns + delay_ns, self._sequence, action))

    def step(self, event: moves.Event) -> None:
        for effect in self.machine.step(event, self.now_ns):
            self._perform(effect)

    def submit(self, job_id: int, n_blocks: int, deadline_ns: int) -> None:
        self.step(moves.Submitted(job_id, n_blocks, SHAPE, self.now_ns + deadline_ns))

    def lose(self, name: str) -> None:
        """The engine dies; dispatch is told after up to 2 s of silence, as a hub would."""
        self.mood[name] = "lost"
        self.epoch[name] += 1
        notice_ns = self.random.choice((1, 100, 2000)) * MS
        self.at(notice_ns, lambda: self.step(moves.Gone(name, "silent")))
        self.at(notice_ns + self.random.randrange(1, 3000) * MS, lambda: self.revive(name))

    def revive(self, name: str) -> None:
        self.mood[name] = "good"
        self.step(moves.Came(name, 2))

    def run(self, until_ns: int | None = None) -> None:
        """Go on until nothing is left to happen, or to a time."""
        spins = 0
        while True:
            due_ns = self.machine.next_ns()
            event_ns = self._heap[0][0] if self._heap else None
            times = [time for time in (due_ns, event_ns) if time is not None]
            if not times or (until_ns is not None and min(times) > until_ns):
                self.now_ns = max(self.now_ns, until_ns or 0)
                return
            spins = spins + 1 if min(times) <= self.now_ns else 0
            assert spins < 10_000, "the machine asks for the present again and again"
            self.now_ns = max(self.now_ns, min(times))
            if event_ns is not None and event_ns <= self.now_ns:
                heapq.heappop(self._heap)[2]()
            else:
                self.step(moves.Timer())

    def _perform(self, effect: moves.Effect) -> None:
        match effect:
            case moves.Send("local", job_id, blocks):
                self.local_queue += [(job_id, block) for block in blocks]
                self._feed_local()
            case moves.Send(engine, job_id, blocks):
                self.sent.append((self.now_ns, engine, job_id, blocks))
                for block in blocks:
                    self._remote(engine, job_id, block)
            case moves.Forget("local", job_id):
                self.local_queue = [item for item in self.local_queue if item[0] != job_id]
            case moves.SendCanary(engine, token):
                self.canaries.append((self.now_ns, engine))
                self._remote_canary(engine, token)
            case moves.Complete():
                assert effect.job_id not in self.completed, "completed twice"
                self.completed[effect.job_id] = effect
                self.completed_ns[effect.job_id] = self.now_ns
            case moves.Switch():
                self.switches.append(effect)

    def _feed_local(self) -> None:
        while self.local_idle and self.local_queue:
            job_id, block = self.local_queue.pop(0)
            self.local_idle -= 1

            def done(job_id: int = job_id, block: int = block) -> None:
                self.local_idle += 1
                self._answer("local", job_id, block)
                self._feed_local()

            self.at(LOCAL_BLOCK_NS, done)

    def _remote(self, engine: str, job_id: int, block: int) -> None:
        mood, epoch = self.mood[engine], self.epoch[engine]
        delay_ns = self.random.randrange(1, 10) * MS
        if mood in {"hung", "lost"}:
            return
        if mood == "slow":
            delay_ns *= 50

        def done() -> None:
            if self.epoch[engine] != epoch:
                return
            if mood == "failing":
                self.step(moves.Refused(engine, job_id, (block,), "no memory"))
                return
            for _ in range(self.random.choice((1, 1, 1, 2))):  # now and then told twice
                self._answer(engine, job_id, block)

        self.at(delay_ns, done)

    def _remote_canary(self, engine: str, token: int) -> None:
        mood, epoch = self.mood[engine], self.epoch[engine]
        if mood in {"hung", "lost"}:
            return

        def done() -> None:
            if self.epoch[engine] == epoch:
                self.step(moves.CanaryAnswered(engine, token, mood != "failing", mood))

        self.at(3 * MS, done)

    def _answer(self, engine: str, job_id: int, block: int) -> None:
        payload = (job_id, block)
        self.step(moves.Answered(engine, f"{engine}-1", job_id, block, payload, LOCAL_BLOCK_NS))
