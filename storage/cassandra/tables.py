"""The tables, and what is asked of each.

One table a query; each is cut into buckets of time, so that no partition grows without end:

| table | partition | answers |
|---|---|---|
| ``decision_by_time`` | portfolio, bucket | decisions in the order of (row end, id), whole |
| ``cloud_by_time`` | portfolio, bucket | which of them carry a cloud |
| ``decision_by_id`` | portfolio, first part of the id | where an id stands, or its neighbours |
| ``asset_by_time`` | portfolio, bucket | one symbol's statistics and weights: one slice |
| ``status_by_time`` | portfolio, bucket | status records |
| ``bucket_of_series`` | portfolio, series | the buckets that exist: reads walk these |
| ``symbol_of_bucket`` | portfolio, bucket | the symbols that a bucket of assets has |
| ``portfolio`` | all | which portfolios there are |
| ``writer`` | all | up to which append each writer's rows count |

The prototype kept four kinds of rows. Asset statistics are ``asset_by_time``; portfolios (weights,
return, risk) and both latency logs (the stage times of a decision, ``times`` in its JSON) are
``decision_by_time``.

A bucket is five minutes of row ends: at a decision a second 300 rows, 12 MB where each is 40 kB,
and 15 000 rows of 50 assets. Assets share a partition and are sorted by symbol inside, so that the
rows of an append go out as few batches of one partition each (12 000 to 17 000 rows a second from
one Python process against 2 800 written one by one), and a symbol's history is still one slice.
``decision_by_id`` is cut by the beginning of the id itself, which keeps the order of ids over its
partitions: an id that is not kept (any more) has neighbours there without a scan.

All or none
-----------
Every row bears, in its key, the writer that wrote it (a random name, new with each start and after
each failure) and the number of its append. ``writer`` holds one row a writer: the number up to
which its appends count. An append writes all its rows first and that one number last; a reader
reads the numbers first and then takes only rows that they cover. So the rows of a call, whatever
partitions they are in, appear at one moment, and a reader sees a state that was once whole.

A crash, or an error, half-way leaves rows that no number covers: nobody ever sees them, and their
time to live, or `prune`, takes them away. The retry comes from another writer name, so nothing it
writes can join or hide such rows. Where the number itself was written but its answer was lost, the
retry finds the ids known and keeps none of them twice. Two writers of the same id at the same
moment write two rows; a reader takes one of them.

Time to live and compaction
---------------------------
Each row has the retention as its time to live, counted from when it was written; `prune` deletes
by the row's own time. Tables of times are compacted by time windows, so that whole files expire.
``gc_grace_seconds`` is three hours, as long as hints are kept: with the default of ten days a
retention of one day would keep eleven on disk. A deleted row that a node away for longer brings
back still has its time to live.

A node lost
-----------
The two copies that a read needs may be of a node that died or stopped a moment ago, which the
others notice after some ten seconds. ``speculative_retry`` has the third copy asked after 100 ms:
with the server's default one read took up to 3.4 s meanwhile, and `serve` lagged by 10 s.
"""

from typing import Final

BUCKET_NS: Final = 300 * 10**9
LAST_NS: Final = 2**63 - 1
# Rows of the last digits of a row number share a partition of `decision_by_id`: 17 minutes of
# rows of a second.
_ROW_DIGITS, _ROW_DIGITS_SHARED = 14, 3

DECISION: Final = "decision"
CLOUD: Final = "cloud"
STATUS: Final = "status"
ID: Final = "id"


def bucket_of(time_ns: int) -> str:
    """Name the bucket of a time; names sort as times do."""
    return f"{time_ns // BUCKET_NS:08d}"


def bucket_end_ns(bucket: str) -> int:
    """Give the first time that is in a later bucket."""
    return (int(bucket) + 1) * BUCKET_NS


def bucket_of_id(portfolio: str, decision_id: str) -> str:
    """Name the partition of an id: its beginning, which sorts as ids do."""
    return decision_id[: len(portfolio) + 1 + _ROW_DIGITS - _ROW_DIGITS_SHARED]


def asset_series(symbol: str) -> str:
    """Name the series of one symbol's rows."""
    return f"asset:{symbol}"


_STAMP = "writer uuid, append_number bigint"
_TIMED = "((portfolio, bucket), row_end_ns, id, writer, append_number)"
_NUMBERS = "price, mean, volatility, skewness, kurtosis, weight, weight_stddev"


def create_tables(keyspace: str, window_hours: int) -> list[str]:
    """Give the statements that make the tables of version 1, each harmless where it is there."""
    small = "gc_grace_seconds = 10800 AND speculative_retry = '100ms'"
    timed = (
        f"{small} AND compaction = {{'class': 'TimeWindowCompactionStrategy', "
        f"'compaction_window_unit': 'HOURS', 'compaction_window_size': {window_hours}}}"
    )
    by_time = "CLUSTERING ORDER BY (row_end_ns DESC, id DESC, writer ASC, append_number ASC)"
    numbers = ", ".join(f"{name} double" for name in _NUMBERS.split(", "))
    tables = {
        "decision_by_time": f"""portfolio text, bucket text, row_end_ns bigint, id text, {_STAMP},
            payload text, PRIMARY KEY {_TIMED}) WITH {by_time} AND {timed}""",
        "cloud_by_time": f"""portfolio text, bucket text, row_end_ns bigint, id text, {_STAMP},
            PRIMARY KEY {_TIMED}) WITH {by_time} AND {timed}""",
        "decision_by_id": f"""portfolio text, bucket text, id text, {_STAMP}, row_end_ns bigint,
            PRIMARY KEY ((portfolio, bucket), id, writer, append_number)) WITH {timed}""",
        "asset_by_time": f"""portfolio text, bucket text, symbol text, row_end_ns bigint, id text,
            {_STAMP}, {numbers}, has_cloud boolean,
            PRIMARY KEY ((portfolio, bucket), symbol, row_end_ns, id, writer, append_number))
            WITH CLUSTERING ORDER BY (symbol ASC, row_end_ns DESC, id DESC, writer ASC,
            append_number ASC) AND {timed}""",
        "status_by_time": f"""portfolio text, bucket text, time_ns bigint, {_STAMP}, payload text,
            PRIMARY KEY ((portfolio, bucket), time_ns, writer, append_number)) WITH
            CLUSTERING ORDER BY (time_ns DESC, writer ASC, append_number ASC) AND {timed}""",
        "bucket_of_series": f"""portfolio text, series text, bucket text,
            PRIMARY KEY ((portfolio, series), bucket)) WITH {small}""",
        "symbol_of_bucket": f"""portfolio text, bucket text, symbol text,
            PRIMARY KEY ((portfolio, bucket), symbol)) WITH {small}""",
        "portfolio": f"part text, portfolio text, PRIMARY KEY (part, portfolio)) WITH {small}",
        "writer": f"""part text, writer uuid, append_number bigint,
            PRIMARY KEY (part, writer)) WITH {small}""",
    }
    return [
        f"CREATE TABLE IF NOT EXISTS {keyspace}.{name} ({rest}" for name, rest in tables.items()
    ]


class Statements:
    """The statements on one keyspace; a table's rows are bound in the order of its columns."""

    def __init__(self, keyspace: str) -> None:
        ks = keyspace
        here = "portfolio = ? AND bucket = ?"
        key = "portfolio, bucket, row_end_ns, id, writer, append_number"
        slice_ = "(row_end_ns, id) > (?, ?) AND (row_end_ns, id) < (?, ?)"
        stamp = "writer, append_number"
        kept = "USING TTL ?"

        self.insert_decision = (
            f"INSERT INTO {ks}.decision_by_time ({key}, payload) VALUES (?,?,?,?,?,?,?) {kept}"
        )
        self.insert_cloud = f"INSERT INTO {ks}.cloud_by_time ({key}) VALUES (?,?,?,?,?,?) {kept}"
        self.insert_id = f"""INSERT INTO {ks}.decision_by_id
            (portfolio, bucket, id, {stamp}, row_end_ns) VALUES (?,?,?,?,?,?) {kept}"""
        self.insert_asset = f"""INSERT INTO {ks}.asset_by_time (portfolio, bucket, symbol,
            row_end_ns, id, {stamp}, {_NUMBERS}, has_cloud)
            VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) {kept}"""
        self.insert_status = f"""INSERT INTO {ks}.status_by_time
            (portfolio, bucket, time_ns, {stamp}, payload) VALUES (?,?,?,?,?,?) {kept}"""
        self.insert_bucket = (
            f"INSERT INTO {ks}.bucket_of_series (portfolio, series, bucket) VALUES (?,?,?)"
        )
        self.insert_symbol = (
            f"INSERT INTO {ks}.symbol_of_bucket (portfolio, bucket, symbol) VALUES (?,?,?)"
        )
        self.insert_portfolio = f"INSERT INTO {ks}.portfolio (part, portfolio) VALUES ('all', ?)"
        self.commit = f"INSERT INTO {ks}.writer (part, {stamp}) VALUES ('all', ?, ?) {kept}"

        self.writers = f"SELECT {stamp} FROM {ks}.writer WHERE part = 'all'"
        self.portfolios = f"SELECT portfolio FROM {ks}.portfolio WHERE part = 'all'"
        self.symbols = f"SELECT symbol FROM {ks}.symbol_of_bucket WHERE {here}"
        self.has_id = f"SELECT {stamp} FROM {ks}.decision_by_id WHERE {here} AND id = ?"
        self.has_status = f"SELECT {stamp} FROM {ks}.status_by_time WHERE {here} AND time_ns = ?"
        ids = f"SELECT {stamp}, row_end_ns, id FROM {ks}.decision_by_id WHERE {here}"
        self.ids_down_from = f"{ids} AND id <= ? ORDER BY id DESC"
        self.ids_up_from = f"{ids} AND id >= ? ORDER BY id ASC"
        self.ids = ids
        self.statuses = f"SELECT {stamp}, time_ns, payload FROM {ks}.status_by_time WHERE {here}"
        self.payload = f"""SELECT {stamp}, payload FROM {ks}.decision_by_time
            WHERE {here} AND row_end_ns = ? AND id = ? AND writer = ? AND append_number = ?"""

        keys = f"SELECT {stamp}, row_end_ns, id"
        buckets = (
            f"SELECT bucket FROM {ks}.bucket_of_series WHERE portfolio = ? AND series = ? "
            "AND bucket >= ? AND bucket <= ?"
        )
        orders = {True: "DESC", False: "ASC"}
        self.buckets = {d: f"{buckets} ORDER BY bucket {o}" for d, o in orders.items()}
        order = {d: f"ORDER BY row_end_ns {o}, id {o}" for d, o in orders.items()}
        self.decisions = {
            d: f"{keys}, payload FROM {ks}.decision_by_time WHERE {here} AND {slice_} {order[d]}"
            for d in orders
        }
        self.decision_keys = (
            f"{keys} FROM {ks}.decision_by_time WHERE {here} AND {slice_} {order[False]}"
        )
        self.clouds = {
            d: f"{keys} FROM {ks}.cloud_by_time WHERE {here} AND {slice_} {order[d]}"
            for d in orders
        }
        self.assets = {
            d: f"{keys}, {_NUMBERS}, has_cloud FROM {ks}.asset_by_time "
            f"WHERE {here} AND symbol = ? AND {slice_} {order[d]}"
            for d in orders
        }

        until = "(row_end_ns, id) <= (?, ?)"
        self.delete_decisions = f"DELETE FROM {ks}.decision_by_time WHERE {here} AND {until}"
        self.delete_clouds = f"DELETE FROM {ks}.cloud_by_time WHERE {here} AND {until}"
        self.delete_assets = (
            f"DELETE FROM {ks}.asset_by_time WHERE {here} AND symbol = ? AND {until}"
        )
        self.delete_id = f"DELETE FROM {ks}.decision_by_id WHERE {here} AND id = ?"
        self.delete_statuses = f"DELETE FROM {ks}.status_by_time WHERE {here} AND time_ns < ?"
        self.delete_bucket = (
            f"DELETE FROM {ks}.bucket_of_series WHERE portfolio = ? AND series = ? AND bucket = ?"
        )
        self.drop = {
            name: f"DELETE FROM {ks}.{name} WHERE {here}"
            for name in (
                "decision_by_time", "cloud_by_time", "asset_by_time", "decision_by_id",
                "status_by_time", "symbol_of_bucket",
            )
        }  # fmt: skip
