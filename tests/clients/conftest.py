"""One server for each mode, started when the first test asks for it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.clients.subject import MODES, Subject, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Subject]]:
    """Gives the running server for a mode."""
    with ExitStack() as stack:

        @cache
        def subject(mode: str) -> Subject:
            started = start(mode, tmp_path_factory.mktemp(mode))
            stack.enter_context(started.server)
            return started

        yield subject


@pytest.fixture(params=MODES)
def subject(request: pytest.FixtureRequest, subjects: Callable[[str], Subject]) -> Subject:
    """The server of each mode in turn."""
    return subjects(request.param)
