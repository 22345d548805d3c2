"""A broker that can go and come back at its address: librdkafka's mock, by its C interface."""

import ctypes
from pathlib import Path
from types import TracebackType

import confluent_kafka

_PRODUCER = 0
_INIT_PRODUCER_ID = 22


def _library() -> ctypes.CDLL:
    """Load the library that confluent-kafka brings."""
    folder = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")
    found = ctypes.CDLL(str(next(folder.glob("librdkafka-*.so*"))))
    for name in ("new", "conf_new", "mock_cluster_new"):
        getattr(found, f"rd_kafka_{name}").restype = ctypes.c_void_p
    found.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return found


class FaultyBroker:
    """A mock cluster of one broker."""

    def __init__(self) -> None:
        self._library = _library()
        conf = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        host = self._library.rd_kafka_new(_PRODUCER, conf, None, 0)
        self._host = ctypes.c_void_p(host)
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(self._host, 1))
        self.address = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def go(self) -> None:
        """Close all connections; new ones are refused."""
        assert self._library.rd_kafka_mock_broker_set_down(self._cluster, 1) == 0

    def come_back(self) -> None:
        """Answer again, with all messages."""
        assert self._library.rd_kafka_mock_broker_set_up(self._cluster, 1) == 0

    def refuse_ids(self, *codes: int) -> None:
        """Answer the next requests for a producer's id with these error codes."""
        self._library.rd_kafka_mock_push_request_errors(
            self._cluster, ctypes.c_int16(_INIT_PRODUCER_ID), ctypes.c_size_t(len(codes)),
            *(ctypes.c_int(code) for code in codes),
        )  # fmt: skip

    def __enter__(self) -> "FaultyBroker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._host)
