"""The score by which Linux chooses whom to kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from nearkeep.engine.settings import SettingError, Settings
from nearkeep.server.oom_score import OomScore


@pytest.fixture
def score(tmp_path: Path) -> Path:
    file = tmp_path / "oom_score_adj"
    file.write_text("22\n")
    return file


def test_values_are_added_to_the_score_of_the_start_and_taken_back(score: Path) -> None:
    settings = Settings()
    assert OomScore(settings, score).start()
    assert score.read_text() == "22\n"
    settings.set("oom-score-adj-values", [b"9", b"20", b"30"])
    assert score.read_text() == "22\n"
    settings.set("oom-score-adj", [b"yes"])
    assert score.read_text() == "31"
    settings.set("oom-score-adj-values", [b"990", b"20", b"30"])
    assert score.read_text() == "1000"
    settings.set("oom-score-adj", [b"absolute"])
    assert score.read_text() == "990"
    settings.set("oom-score-adj", [b"no"])
    assert score.read_text() == "22"


def test_what_the_kernel_refuses_is_an_error_and_changes_nothing(score: Path) -> None:
    settings = Settings()
    OomScore(settings, score.parent / "missing")
    with pytest.raises(SettingError, match="Failed to apply new oom_score_adj"):
        settings.set_many([(b"oom-score-adj", b"yes")])
    assert settings.string("oom-score-adj") == b"no"
