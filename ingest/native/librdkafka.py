"""librdkafka's own calls, of the library that confluent-kafka has loaded.

confluent-kafka makes a Python object a message and six calls to look into it: 1.5 us, of which
fetching is 0.4. librdkafka's batch call gives pointers instead, which `message_kernels` reads. Its
functions used here are of its public interface; only the client's handle is not given out by
confluent-kafka, and is read from where all versions 2 have it: the first field of a client.
"""

import ctypes
from importlib.metadata import version
from typing import Final

from confluent_kafka import Consumer, cimpl
from llvmlite import binding

_POINTER = ctypes.c_void_p
_CALLS: Final = {
    "rd_kafka_name": (ctypes.c_char_p, (_POINTER,)),
    "rd_kafka_queue_new": (_POINTER, (_POINTER,)),
    "rd_kafka_queue_get_partition": (_POINTER, (_POINTER, ctypes.c_char_p, ctypes.c_int32)),
    "rd_kafka_queue_forward": (None, (_POINTER, _POINTER)),
    "rd_kafka_queue_destroy": (None, (_POINTER,)),
    "rd_kafka_consume_batch_queue": (
        ctypes.c_ssize_t,
        (_POINTER, ctypes.c_int, _POINTER, ctypes.c_size_t),
    ),
    "rd_kafka_topic_name": (ctypes.c_char_p, (_POINTER,)),
    "rd_kafka_message_timestamp": (ctypes.c_int64, (_POINTER, _POINTER)),
    "rd_kafka_message_destroy": (None, (_POINTER,)),
}
_FROM_KERNELS: Final = ("rd_kafka_message_timestamp", "rd_kafka_message_destroy")
_LAYOUT_VERSIONS: Final = "2."


class NativeError(RuntimeError):
    """librdkafka cannot be called beside confluent-kafka here; the message says why."""


def open_library() -> ctypes.CDLL:
    """Find librdkafka's functions, and make those that kernels call known to the compiler.

    Raises
    ------
    NativeError
        This confluent-kafka is of another version, or does not show them.
    """
    number = version("confluent-kafka")
    if not number.startswith(_LAYOUT_VERSIONS):
        raise NativeError(f"confluent-kafka is {number}: its clients' layout is known of 2 alone")
    library = ctypes.CDLL(cimpl.__file__)
    for name, (result, arguments) in _CALLS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise NativeError(f"confluent-kafka {number} does not show {name}") from None
        function.restype, function.argtypes = result, list(arguments)
    for name in _FROM_KERNELS:
        binding.add_symbol(name, ctypes.cast(getattr(library, name), _POINTER).value)
    return library


def find_handle(library: ctypes.CDLL, consumer: Consumer) -> int:
    """Give the address of a consumer's ``rd_kafka_t``.

    Raises
    ------
    NativeError
        What stands there does not give a consumer's name.
    """
    handle = _POINTER.from_address(id(consumer) + object.__basicsize__).value
    name = library.rd_kafka_name(handle) if handle else b""
    if b"#consumer-" not in name:
        raise NativeError(f"a client's handle gives the name {name!r}: not that of a consumer")
    return int(handle or 0)
