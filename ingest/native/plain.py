"""The kernels of `json_kernels` once more, in plain Python."""

import re
from itertools import pairwise

import numpy as np

from ingest.native.json_kernels import ByteArray, WordArray
from stats.compiled import FloatArray, IntArray

_MEMBER = re.compile(
    rb'[ \t\n\r]*"(?:'
    rb'(?P<symbol>symbol)"[ \t\n\r]*:[ \t\n\r]*"(?P<name>[A-Z0-9._/-]{1,32})"'
    rb'|(?P<price>price)"[ \t\n\r]*:[ \t\n\r]*'
    rb"(?P<whole>0|[1-9][0-9]*)(?:\.(?P<fraction>[0-9]+))?(?:[eE](?P<power>[+-]?[0-9]{1,3}))?"
    rb'|(?P<count>event_time_ns|trade_id)"[ \t\n\r]*:[ \t\n\r]*(?P<integer>0|[1-9][0-9]*)'
    rb")[ \t\n\r]*"
)
_OBJECT = re.compile(rb"[ \t\n\r]*\{(.*)\}[ \t\n\r]*", re.DOTALL)


def read_plain_ticks(
    text: ByteArray,
    bounds: IntArray,
    plain: ByteArray,
    ints: IntArray,
    prices: FloatArray,
    names: WordArray,
    slots: IntArray,
    count: IntArray,
) -> int:
    """As ``json_kernels.read_plain_ticks``; of the table only ``names`` and ``count`` are kept."""
    whole = text.tobytes()
    known = [name.tobytes().rstrip(b"\0") for name in names[: count[0]]]
    for i, (start, stop) in enumerate(pairwise(bounds.tolist())):
        found = _read(whole[start:stop])
        plain[i] = found is not None
        if found is None:
            continue
        name, price, time_ns, trade_id = found
        if name not in known:
            if 2 * len(known) >= len(slots):
                plain[i] = 0
                continue
            known.append(name)
            names[len(known) - 1] = np.frombuffer(name.ljust(32, b"\0"), np.uint64)
        ints[:, i], prices[i] = (known.index(name), time_ns, trade_id), price
    count[0] = len(known)
    return int(plain.sum())


def _read(message: bytes) -> tuple[bytes, float, int, int] | None:
    whole = _OBJECT.fullmatch(message)
    # No value that is taken has a comma.
    members = [_MEMBER.fullmatch(member) for member in whole[1].split(b",")] if whole else []
    found = {m["symbol"] or m["price"] or m["count"]: m for m in members if m is not None}
    if len(found) < len(members) or not {b"symbol", b"price", b"event_time_ns"} <= found.keys():
        return None
    price, trade = found[b"price"], found.get(b"trade_id")
    time_ns, trade_id = int(found[b"event_time_ns"]["integer"]), -1
    if trade is not None:
        trade_id = int(trade["integer"])
    fraction, power = price["fraction"] or b"", int(price["power"] or 0)
    is_exact = int(price["whole"] + fraction) <= 2**53 and abs(power - len(fraction)) <= 22
    if not is_exact or max(time_ns, trade_id) >= 2**63:
        return None
    value = float(price["whole"] + b"." + fraction + b"e%d" % power)
    return found[b"symbol"]["name"], value, time_ns, trade_id
