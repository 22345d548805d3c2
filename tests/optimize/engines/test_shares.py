"""Blocks among workers: none lost, none with two at once, workers kept supplied, ends together."""

import random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from optimize.engines.shares import Portion, Shares

A, B, C = b"a", b"b", b"c"


def two_workers() -> Shares:
    shares = Shares()
    shares.join(A, 1)
    shares.join(B, 1)
    return shares


def blocks_of(portions: list[Portion]) -> list[int]:
    return [block for portion in portions for block in portion.blocks]


def test_portions_shrink_and_the_job_goes_before_the_first_of_each_worker() -> None:
    shares = two_workers()
    shares.give(7, range(32))
    first = shares.portions()
    assert [(portion.peer, portion.is_new) for portion in first] == [(A, True), (B, True)]
    sizes = [len(portion.blocks) for portion in first]
    assert sizes == [8, 6]
    assert blocks_of(first) == list(range(14))
    while shares_left := [portion for portion in first if portion.blocks]:
        portion = shares_left[0]
        shares.answered(portion.peer, 7, portion.blocks)
        first = shares_left[1:] + (more := shares.portions())
        sizes += [len(portion.blocks) for portion in more]
        assert not any(portion.is_new for portion in more)
    assert sum(sizes) == 32
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


def test_a_worker_has_the_next_block_before_it_ends_the_one_it_is_at() -> None:
    shares = two_workers()
    shares.give(1, range(8))
    held: dict[bytes, list[int]] = {A: [], B: []}
    done = 0
    while done < 8:
        for portion in shares.portions():
            held[portion.peer].extend(portion.blocks)
        if done < 6:
            assert all(len(blocks) >= 1 for blocks in held.values())
        worker = max(held, key=lambda peer: len(held[peer]))
        shares.answered(worker, 1, (held[worker].pop(0),))
        done += 1


def test_a_host_is_given_everything_at_once() -> None:
    shares = Shares(whole=True)
    shares.join(A, 2)
    shares.give(1, range(32))
    shares.give(2, range(5))
    assert shares.portions() == [
        Portion(A, 1, tuple(range(32)), True),
        Portion(A, 2, tuple(range(5)), True),
    ]


def test_what_a_lost_worker_had_goes_to_another_first_and_once_only() -> None:
    shares = two_workers()
    shares.give(1, range(4))
    had = {portion.peer: portion.blocks for portion in shares.portions()}
    assert shares.leave(A) == {}
    shares.answered(B, 1, had[B])
    again = shares.portions()
    assert again[0].blocks[0] == had[A][0]
    assert not again[0].is_new
    assert shares.leave(B) == {1: had[A]}  # these ended two workers
    shares.join(C, 1)
    assert set(blocks_of(shares.portions())).isdisjoint(had[A])


def test_a_cancelled_job_is_forgotten_and_its_holders_are_told() -> None:
    shares = two_workers()
    shares.give(1, range(32))
    shares.portions()
    shares.give(2, range(3))
    assert shares.cancel(1) == {A: True, B: True}
    assert shares.cancel(1) == {}
    assert sorted(blocks_of(shares.portions())) == [0, 1, 2]
    assert shares.leave(A) == {}
    assert shares.cancel(99) == {}


def test_a_worker_that_joins_again_knows_no_job() -> None:
    shares = Shares()
    shares.join(A, 1)
    shares.give(1, range(1))
    assert shares.portions()[0].is_new
    shares.join(A, 1)
    assert shares.portions() == [Portion(A, 1, (0,), True)]


def test_without_workers_blocks_wait() -> None:
    shares = Shares()
    shares.give(1, range(2))
    assert shares.portions() == []
    shares.join(A, 1)
    assert blocks_of(shares.portions()) == [0, 1]


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(0, 3))
@hypothesis_settings(max_examples=300, deadline=None)
def test_any_course_loses_no_block_and_gives_none_to_two_workers(
    seed: int, n_jobs: int, n_losses: int
) -> None:
    rng = random.Random(seed)
    shares = Shares()
    held: dict[bytes, list[tuple[int, int]]] = {}
    known: dict[bytes, set[int]] = {}
    owed: set[tuple[int, int]] = set()
    n_joined = 0

    def join() -> None:
        nonlocal n_joined
        peer = b"w%d" % n_joined
        n_joined += 1
        shares.join(peer, rng.randint(1, 2))
        held[peer], known[peer] = [], set()

    def take() -> None:
        for peer, job_id, blocks, is_new in shares.portions():
            assert is_new == (job_id not in known[peer])
            known[peer].add(job_id)
            for block in blocks:
                assert (job_id, block) in owed
                assert all((job_id, block) not in others for others in held.values())
                held[peer].append((job_id, block))

    join()
    for job_id in range(n_jobs):
        blocks = range(rng.randint(1, 40))
        owed |= {(job_id, block) for block in blocks}
        shares.give(job_id, blocks)
        take()
    losses = n_losses
    while owed:
        what = rng.random()
        if what < 0.1 or not held:
            join()
        elif what < 0.2 and losses:
            losses -= 1
            peer = rng.choice(sorted(held))
            given_up = shares.leave(peer)
            lost = {(job_id, block) for job_id, blocks in given_up.items() for block in blocks}
            assert lost <= set(held.pop(peer))
            owed -= lost  # told as failed; dispatch gives them elsewhere
        elif busy := [peer for peer, blocks in held.items() if blocks]:
            peer = rng.choice(sorted(busy))
            job_id, block = held[peer].pop(rng.randrange(len(held[peer])))
            shares.answered(peer, job_id, (block,))
            owed.discard((job_id, block))
        take()
        if held and owed:
            assert any(held.values())  # somebody is at something while something is owed
    assert shares.portions() == []


@pytest.mark.parametrize("n_blocks", [1, 2, 3, 31, 32, 33, 1000])
def test_messages_grow_with_the_logarithm_of_the_blocks(n_blocks: int) -> None:
    shares = two_workers()
    shares.give(1, range(n_blocks))
    queue, n_messages = shares.portions(), 0
    while queue:
        portion = queue.pop(0)
        n_messages += 1
        shares.answered(portion.peer, 1, portion.blocks)
        queue += shares.portions()
    assert n_messages <= 4 + 4 * n_blocks.bit_length()


def test_a_holder_that_has_answered_all_it_had_is_not_at_the_job_any_more() -> None:
    shares = Shares()
    shares.join(A, 1)
    shares.join(B, 1)
    shares.give(1, range(2))
    first, second = shares.portions()
    shares.answered(first.peer, 1, first.blocks)
    assert shares.cancel(1) == {first.peer: False, second.peer: True}
