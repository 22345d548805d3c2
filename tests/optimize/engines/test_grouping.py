"""Blocks in tasks: all of them, once, in order, and no worker idle."""

from hypothesis import given
from hypothesis import strategies as st

from optimize.engines.grouping import group_blocks


@given(
    st.lists(st.integers(0, 10_000), unique=True, max_size=200),
    st.integers(1, 9),
    st.floats(1.0, 1e10),
    st.floats(1.0, 1e9),
)
def test_every_block_once_in_order_and_evenly(
    blocks: list[int], workers: int, block_ns: float, task_ns: float
) -> None:
    groups = group_blocks(blocks, workers=workers, block_ns=block_ns, task_ns=task_ns)
    assert [block for group in groups for block in group] == blocks
    sizes = [len(group) for group in groups]
    if blocks:
        assert min(sizes) >= 1
        assert max(sizes) - min(sizes) <= 1
        assert len(groups) >= min(workers, len(blocks))
        assert len(groups) % workers == 0 or len(groups) == len(blocks)


def test_small_blocks_share_a_task_and_large_ones_do_not() -> None:
    blocks = list(range(32))
    few = group_blocks(blocks, workers=2, block_ns=0.1e6, task_ns=25e6)
    some = group_blocks(blocks, workers=2, block_ns=5e6, task_ns=25e6)
    many = group_blocks(blocks, workers=2, block_ns=500e6, task_ns=25e6)
    assert [len(few), len(some), len(many)] == [2, 8, 32]
