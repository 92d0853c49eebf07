"""The schedule and nothing else: the only module that knows apscheduler. What is due lives in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

if TYPE_CHECKING:
    from collections.abc import Callable


class Job(NamedTuple):
    """Something to do every so often; never twice at the same time, and missed turns are made up for by one."""

    name: str
    every_seconds: float
    act: Callable[[], object]


class Clockwork:
    """A running schedule; each job has a thread of its own, so that no slow store delays what needs none of it."""

    def __init__(self, jobs: list[Job]) -> None:
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(max(1, len(jobs)))},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
            timezone="UTC",
        )
        for job in jobs:
            self._scheduler.add_job(job.act, "interval", seconds=job.every_seconds, id=job.name, name=job.name)

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def close(self) -> None:
        """Stop; a job that is running is waited for."""
        self._scheduler.shutdown(wait=True)
