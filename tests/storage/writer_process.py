"""Writes a store until killed: `writer_process ADDRESS FIRST_ROW`; prints each acknowledged id."""

import sys
from itertools import count

from tests.factories import make_decision, make_status
from tests.storage.backends import open_at


def main() -> None:
    store = open_at(sys.argv[1], read_only=False)
    for row in count(int(sys.argv[2]), 4):
        batch = [make_decision(row + k, n=20) for k in range(4)]
        store.append(batch, [make_status(row * 10**9)])
        print(*[decision.id for decision in batch], flush=True)


main()
