"""A seeded fuzzer of tick messages, and a judge of them that shares no code with the product."""

import json
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

SYMBOL = re.compile(r"[A-Z0-9._/-]{1,32}")
MAGIC = b"\xabSBT"
HEADER = struct.Struct("<4sHHIII")  # and the check sum behind it
MEGABYTE = 999_000  # with its frame what Kafka takes by default


class Row(NamedTuple):
    """A tick."""

    symbol: str
    price: float
    time_ns: int


def n_refused(value: bytes, newest_ns: int) -> tuple[int, int]:
    """Judge a message in plain Python: how many refusals it costs, and how many good ticks it has.

    A message that cannot be read or has no row is one refusal, else each row that breaks a rule is.
    """
    if value[:1] == MAGIC[:1]:
        rows = _unpack(value)
    else:
        try:
            found = json.loads(value.decode(errors="replace"), parse_int=_number)
        except (ValueError, RecursionError):
            return 1, 0
        rows = found if isinstance(found, list) else [found]
    if not rows:
        return 1, 0
    n_good = sum(_is_good(row, newest_ns) for row in rows)
    return len(rows) - n_good, n_good


def _number(text: str) -> float:
    return int(text) if len(text) < 300 else math.inf


def _is_good(row: Any, newest_ns: int) -> bool:
    if not isinstance(row, dict):
        return False
    if "asset" in row and "symbol" not in row:
        raise AssertionError("the fuzzer makes no rows of the prototype")
    symbol, price, when = row.get("symbol"), row.get("price"), row.get("event_time_ns")
    return (
        type(symbol) is str
        and SYMBOL.fullmatch(symbol) is not None
        and type(price) in {int, float}
        and 1e-15 <= price <= 1e15
        and type(when) is int
        and 0 <= when <= newest_ns
    )


def _unpack(value: bytes) -> list[dict[str, Any]] | None:
    if len(value) < HEADER.size + 4:
        return None
    magic, version, flags, n, n_bytes, n_symbols = HEADER.unpack_from(value)
    width = 26 if flags else 18
    if (magic, version) != (MAGIC, 1) or flags > 1 or len(value) != 24 + n * width + n_bytes:
        return None
    if zlib.crc32(value[:20] + value[24:]) != int.from_bytes(value[20:24], "little"):
        return None
    times, prices = (
        struct.unpack_from(f"<{n}{c}", value, 24 + 8 * n * i) for i, c in [(0, "q"), (1, "d")]
    )
    places = struct.unpack_from(f"<{n}H", value, 24 + n * (width - 2))
    table = value[len(value) - n_bytes :].decode(errors="replace").split("\n")[:n_symbols]
    names = [table[place] if place < len(table) else "#" for place in places]
    return [
        {"symbol": name, "price": price, "event_time_ns": time_ns}
        for name, price, time_ns in zip(names, prices, times, strict=True)
    ]


def pack(rows: Sequence[Row], *, flags: int = 0, version: int = 1, cut: int = 0) -> bytes:
    """Write a packed batch, also with a header that does not fit it but for its check sum.

    Parameters
    ----------
    cut
        By how many symbols the header's table is too small.
    """
    names = list(dict.fromkeys(row.symbol for row in rows))
    table = "\n".join(names).encode(errors="surrogatepass")
    n = len(rows)
    head = HEADER.pack(MAGIC, version, flags, n, len(table), len(names) - cut)
    body = struct.pack(f"<{n}q", *(row.time_ns for row in rows))
    body += struct.pack(f"<{n}d", *(row.price for row in rows))
    body += struct.pack(f"<{n}H", *(names.index(row.symbol) for row in rows)) + table
    return head + zlib.crc32(head + body).to_bytes(4, "little") + body


def as_json(rows: Sequence[Row]) -> bytes:
    """Write ticks as JSON, one alone as an object."""
    made = [{"symbol": r.symbol, "price": r.price, "event_time_ns": r.time_ns} for r in rows]
    return json.dumps(made if len(made) > 1 else made[0]).encode()


class Fuzzer:
    """Makes messages out of good ticks; some are still good, which the judge tells.

    Parameters
    ----------
    rows
        Good ticks to begin from.
    """

    def __init__(self, seed: int, rows: Sequence[Row]) -> None:
        self._random = Random(seed)
        self._rows = rows
        self.kinds: dict[str, Callable[[], bytes]] = {
            "truncated": lambda: self._cut(as_json(self._some())),
            "flipped": lambda: self._flip(as_json(self._some())),
            "wrong type": self._wrong_type,
            "not a number": self._no_number,
            "nested": self._nested,
            "no UTF-8": self._no_text,
            "no JSON": lambda: self._random.randbytes(self._random.randrange(1, 200)),
            "empty": lambda: self._random.choice([b"", b"[]", b" [ ]\n", pack([])]),
            "truncated batch": lambda: self._cut(pack(self._some())),
            "flipped batch": lambda: self._flip(pack(self._some())),
            "wrong header": self._wrong_header,
            "bad rows in a batch": lambda: pack([self._bad_row() for _ in self._some()]),
            "bad rows": lambda: as_json([self._bad_row() for _ in self._some()]),
        }

    def corrupt(self, n_messages: int, newest_ns: int) -> Iterator[tuple[str, bytes, int]]:
        """Make messages without a good tick: kind, content, and how many refusals each costs."""
        names = list(self.kinds)
        n_made = 0
        while n_made < n_messages:
            kind = names[n_made % len(names)]
            value = self.kinds[kind]()
            bad, good = n_refused(value, newest_ns)
            if bad and not good:
                n_made += 1
                yield kind, value, bad

    def large(self) -> Iterator[bytes]:
        """Make bad messages of a megabyte."""
        yield b"\x00" * MEGABYTE
        yield b"[" * MEGABYTE
        yield as_json([self._random.choice(self._rows)] * 20_000)[:MEGABYTE]
        yield b'{"symbol": "BTC", "event_time_ns": 1, "price": ' + b"9" * (MEGABYTE - 60) + b"}"
        yield pack([self._random.choice(self._rows)] * 50_000)[:-1]
        yield self._flip(pack([self._random.choice(self._rows)] * 50_000))

    def with_bad_neighbours(self, good: Sequence[Row]) -> bytes:
        """Write good ticks with bad ones among them."""
        rows = list(good)
        for _ in range(self._random.randrange(3)):
            rows.insert(self._random.randrange(len(rows) + 1), self._bad_row())
        return self._random.choice([as_json, pack])(rows)

    def _some(self) -> list[Row]:
        return self._random.choices(self._rows, k=self._random.randrange(1, 4))

    def _cut(self, value: bytes) -> bytes:
        return value[: self._random.randrange(1, len(value))]

    def _flip(self, value: bytes) -> bytes:
        changed = bytearray(value)
        for _ in range(self._random.randrange(1, 4)):
            changed[self._random.randrange(len(changed))] ^= 1 << self._random.randrange(8)
        return bytes(changed)

    def _bad_row(self) -> Row:
        row, place = self._random.choice(self._rows), self._random.randrange(3)
        if place == 0:
            return row._replace(symbol=self._random.choice(["", "btc", "A B", "X" * 33, "Ä", "\0"]))
        if place == 1:
            bad = [math.nan, math.inf, -math.inf, 0.0, -0.0, -row.price, 5e-324, 1e16, 1.8e308]
            return row._replace(price=self._random.choice(bad))
        return row._replace(time_ns=self._random.choice([-1, -(2**63), 2**63 - 1, 4 * 10**18]))

    def _wrong_type(self) -> bytes:
        row = dict(self._random.choice(self._rows)._asdict())
        row["event_time_ns"] = row.pop("time_ns")
        name = self._random.choice(list(row))
        others: list[Any] = [None, True, [], {}, "12", "", [1.0], {"a": 1}, "\ud800"]
        if name == "event_time_ns":
            others += [1.5, 1e18]
        if self._random.random() < 0.2:
            del row[name]
        else:
            row[name] = self._random.choice(others)
        return json.dumps(row).encode()

    def _no_number(self) -> bytes:
        huge = "9" * self._random.randrange(17, 5000)
        price, time_ns = "1.0", "5"
        bad = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", huge, "-" + huge, "1e-400"]
        if self._random.random() < 0.5:
            price = self._random.choice(bad)
        else:
            time_ns = self._random.choice([*bad[:5], huge + "9" * 20, "-" + huge, "1e3", "0x10"])
        return f'{{"symbol": "BTC", "price": {price}, "event_time_ns": {time_ns}}}'.encode()

    def _nested(self) -> bytes:
        opening = self._random.choice([b"[", b'{"a":', b'[{"symbol":', b'{"price":['])
        return opening * self._random.choice([1, 3, 50, 900, 5_000])

    def _no_text(self) -> bytes:
        value = bytearray(as_json(self._some()))
        start = value.index(b'symbol": "') + len(b'symbol": "')
        value[start : start + 1] = self._random.choice([b"\xff", b"\xc3\x28", b"\xed\xa0\x80"])
        return bytes(value)

    def _wrong_header(self) -> bytes:
        wrong = self._random.choice(
            [{"flags": 1}, {"flags": 7}, {"version": 0}, {"version": 65_535}, {"cut": 1}]
        )
        return pack([self._random.choice(self._rows)], **wrong)
