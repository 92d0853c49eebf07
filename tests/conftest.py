"""Rules for the whole suite: a skipped test counts as failed, and no law is judged by the clock."""

from __future__ import annotations

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import settings

# A busy machine makes an example slow; that says nothing of the law it tries.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if isinstance(reporter, TerminalReporter) and reporter.stats.get("skipped"):
        reporter.write_line("A skipped test counts as failed here.")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
