"""Cuts the bytes of a stream into frames: a pure step machine."""

from optimize.engines.wire import frame_bytes


class FrameReader:
    """Takes a stream in whatever pieces it comes and gives its whole frames, in order."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes.

        Returns
        -------
        list of bytes
            The frames that are whole now.

        Raises
        ------
        WireError
            What should be a header is none: nothing after it can be understood.
        """
        if not self._rest and frame_bytes(data) == len(data):
            return [data]  # as nearly every message comes
        self._rest += data
        frames, start = [], 0
        while (size := frame_bytes(self._rest, start)) and len(self._rest) - start >= size:
            frames.append(bytes(self._rest[start : start + size]))
            start += size
        del self._rest[:start]
        return frames
