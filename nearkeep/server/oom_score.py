"""Whom Linux kills first when memory runs out: `oom-score-adj` and `oom-score-adj-values`.

Source: https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html
"""

from pathlib import Path
from typing import Final

from nearkeep.engine.settings import SettingError, Settings

PROC: Final = Path("/proc/self/oom_score_adj")
_MOST: Final = 1000
_MODE: Final = "oom-score-adj"
_VALUES: Final = "oom-score-adj-values"
_FAILED: Final = "Failed to apply new oom_score_adj configuration, check server logs."


class OomScore:
    """The process' score as the settings want it, the first of the three values."""

    def __init__(self, settings: Settings, file: Path = PROC) -> None:
        self._settings = settings
        self._file = file
        self._before: int | None = None  # the score that was not ours, while ours holds
        settings.on_change(_MODE, self._follow)
        settings.on_change(_VALUES, self._follow)

    def start(self) -> bool:
        """Does what the settings of the start say; whether it could."""
        try:
            self._follow()
        except SettingError:
            return False
        return True

    def _follow(self) -> None:
        mode = self._settings.string(_MODE)
        try:
            if mode == b"no":
                if self._before is not None:
                    self._write(self._before)
                    self._before = None
                return
            before = self._before
            if before is None:
                before = int(self._file.read_text())
            own = self._settings.integers(_VALUES)[0]
            self._write(own if mode == b"absolute" else before + own)
            self._before = before
        except OSError:
            raise SettingError(_MODE, mode, _FAILED) from None

    def _write(self, score: int) -> None:
        self._file.write_text(str(max(-_MOST, min(_MOST, score))))
