"""Nearkeep: a Redis-compatible cache and pub/sub server for the edge.

Where its hot path is compiled, extension modules lie beside the sources and Python takes them first.
With NEARKEEP_ENGINE=interpreted in the environment the sources are taken all the same.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import find_spec
from types import ModuleType

__all__ = ["__version__", "engine_kind"]

__version__ = "0.1.0"


def engine_kind() -> str:
    """Which engine this process imports: "compiled" or "interpreted"."""
    spec = find_spec("nearkeep.engine.keyspace")
    origin = (spec and spec.origin) or ""
    return "compiled" if origin.endswith(tuple(EXTENSION_SUFFIXES)) else "interpreted"


class _SourceFinder:
    """Finds the sources of this package's modules, and nothing else."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(__name__ + "."):
            return None
        for folder in path or ():
            spec = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name)
            if spec is not None:
                return spec
        return None


if os.environ.get("NEARKEEP_ENGINE") == "interpreted":
    sys.meta_path.insert(0, _SourceFinder)
