"""Reads a store while another process writes it: `reader_process ADDRESS TOTAL`.

Ends when TOTAL decisions are there; prints what is wrong at the first decision seen without
all of its asset rows, or with some of another's.
"""

import sys

from storage.protocol import DecisionQuery
from tests.storage.backends import open_at


def main() -> None:
    total = int(sys.argv[2])
    store = open_at(sys.argv[1], read_only=True)
    seen = 0
    while seen < total:
        found = store.decisions(DecisionQuery(limit=total))
        if not found:
            continue
        for index, symbol in enumerate(found[0].symbols):
            until = DecisionQuery(limit=total, end_ns=found[0].row_end_ns + 1)
            rows = store.asset_history(symbol, until)
            wrong = [r.decision_id for r in rows] != [d.id for d in found]
            if wrong or rows[0].weight != found[0].weights[index]:
                sys.exit(f"{symbol}: {len(rows)} rows for {len(found)} decisions")
        seen = len(found)
    print(f"whole {seen}")


main()
