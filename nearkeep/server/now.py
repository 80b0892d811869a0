"""The time in seconds since the epoch: librt's, which compiled code calls directly, or Python's."""

try:
    from librt.time import time
except ImportError:
    from time import time

__all__ = ["time"]
