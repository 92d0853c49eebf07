from __future__ import annotations

import tomllib
from pathlib import Path

from sheetal.contracts.version import VERSION


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
