"""Where things are kept for a user who says nothing about it."""

import os
import sys
from pathlib import Path


def data_folder() -> Path:
    """Where a user's programs keep their data: https://specifications.freedesktop.org/basedir-spec"""
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/nearkeep").expanduser()
    return Path(os.environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser(), "nearkeep")
