"""How many blocks a task of a foreign scheduler holds."""

from collections.abc import Sequence


def group_blocks(
    blocks: Sequence[int], *, workers: int, block_ns: float, task_ns: float
) -> list[tuple[int, ...]]:
    """Cut blocks into tasks, in order and of even size.

    At least one task a worker, so that none is idle; more where the work of one would be above
    ``task_ns``, and then a multiple of the workers, so that all end together. Results do not
    depend on it.

    Parameters
    ----------
    blocks
        What to cut.
    workers
        Tasks that run at once.
    block_ns
        What one block takes, as far as known.
    task_ns
        Work that a task should hold.
    """
    if not blocks:
        return []
    wanted = -(-len(blocks) * block_ns // max(1.0, task_ns))
    rounds = max(1, int(-(-wanted // workers)))
    tasks = min(len(blocks), rounds * workers)
    size, longer = divmod(len(blocks), tasks)
    groups, start = [], 0
    for index in range(tasks):
        end = start + size + (index < longer)
        groups.append(tuple(blocks[start:end]))
        start = end
    return groups
