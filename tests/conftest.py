"""The rule for the whole suite: a skipped test counts as failed."""

from __future__ import annotations

import pytest
from _pytest.terminal import TerminalReporter


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if isinstance(reporter, TerminalReporter) and reporter.stats.get("skipped"):
        reporter.write_line("A skipped test counts as failed here.")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
