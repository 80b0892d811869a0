"""Celery with the server as broker and as result backend: a worker here, tasks sent to it."""

# mypy: disable-error-code="import-untyped,untyped-decorator"

from __future__ import annotations

import time

import pytest
from celery import Celery, Task, chain, chord, group
from celery.contrib.testing.worker import start_worker

from tests.clients.workloads.address import url

PATIENCE = 20.0

app = Celery("tasks", broker=url(0), backend=url(1))
app.conf.update(
    task_default_queue="tests",
    result_expires=60,
    broker_connection_retry_on_startup=False,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    task_acks_late=True,
    timezone="UTC",
)


@app.task
def add(first: int, second: int) -> int:
    return first + second


@app.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@app.task
def fail() -> None:
    raise ValueError("as it should")


@app.task(bind=True, max_retries=3)
def stubborn(self: Task) -> int:
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return int(self.request.retries)


def results_come_back() -> None:
    assert add.delay(2, 3).get(timeout=PATIENCE) == 5
    many = [add.delay(number, number) for number in range(100)]
    assert [each.get(timeout=PATIENCE) for each in many] == [number * 2 for number in range(100)]


def a_group_gathers_in_order() -> None:
    together = group(add.s(number, 1) for number in range(10))()
    assert together.get(timeout=PATIENCE) == list(range(1, 11))


def a_chain_passes_results_on() -> None:
    assert chain(add.s(1, 2), add.s(10), add.s(100))().get(timeout=PATIENCE) == 113


def a_chord_s_body_has_all_results() -> None:
    gathered = chord(add.s(number, number) for number in range(20))(total.s())
    assert gathered.get(timeout=PATIENCE) == sum(number * 2 for number in range(20))


def a_countdown_is_waited_for() -> None:
    begin = time.monotonic()
    assert add.apply_async((1, 1), countdown=0.5).get(timeout=PATIENCE) == 2
    assert time.monotonic() - begin >= 0.45


def a_failure_is_raised_where_it_is_awaited() -> None:
    failed = fail.delay()
    with pytest.raises(ValueError, match="as it should"):
        failed.get(timeout=PATIENCE)
    assert failed.state == "FAILURE"


def a_task_is_tried_again() -> None:
    assert stubborn.delay().get(timeout=PATIENCE) == 2


def a_result_can_be_forgotten() -> None:
    result = add.delay(1, 1)
    assert result.get(timeout=PATIENCE) == 2
    result.forget()
    assert app.AsyncResult(result.id).state == "PENDING"


if __name__ == "__main__":
    with start_worker(app, pool="threads", concurrency=4, perform_ping_check=False):
        results_come_back()
        a_group_gathers_in_order()
        a_chain_passes_results_on()
        a_chord_s_body_has_all_results()
        a_countdown_is_waited_for()
        a_failure_is_raised_where_it_is_awaited()
        a_task_is_tried_again()
        a_result_can_be_forgotten()
    with app.connection_for_read() as connection:
        assert connection.default_channel.client.llen("tests") == 0
