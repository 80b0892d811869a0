"""A growing buffer of bytes: librt's, and where that has no wheel the same on a bytearray.

Not compiled itself; compiled modules that import it call librt's directly.
"""

try:
    from librt.strings import BytesWriter
except ImportError:

    class BytesWriter:  # type: ignore[no-redef]
        """The part of librt's BytesWriter that a reply needs, on a bytearray."""

        def __init__(self) -> None:
            self._bytes = bytearray()

        def write(self, data: bytes) -> None:
            self._bytes += data

        def append(self, byte: int) -> None:
            self._bytes.append(byte)

        def getvalue(self) -> bytes:
            return bytes(self._bytes)

        def truncate(self, size: int) -> None:
            del self._bytes[size:]

        def __len__(self) -> int:
            return len(self._bytes)


__all__ = ["BytesWriter"]
