"""Rules for the whole suite: nothing is skipped silently, and what is left to another tier is said."""

from __future__ import annotations

import pytest
from _pytest.terminal import TerminalReporter

_left = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_left] = 0


def pytest_deselected(items: list[pytest.Item]) -> None:
    if items:
        items[0].config.stash[_left] += len(items)


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    left = config.stash[_left]
    chosen = config.getoption("markexpr")
    if left and chosen == "not stack and not browser":
        terminalreporter.write_line(f"{left} tests need real servers or Chromium: run them with make stack-test")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if isinstance(reporter, TerminalReporter) and reporter.stats.get("skipped"):
        reporter.write_line("A skipped test counts as failed here.")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
