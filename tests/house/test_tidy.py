"""The house limits: short functions, short files, mirrored tests, no stray folder, docs that keep up."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("sheetal", "firmware_sim", "edge_agent", "ingest", "alerts", "portal", "backup", "demo")
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_MEDIAN_MAX = 12
FILE_LINES_MAX = 400
# A shim, an empty marker, table definitions (compared with the migrated schema by their own test) need no test file.
NEEDS_NO_MIRROR = {"__init__.py", "__main__.py", "tables.py"}


@cache
def tracked(pattern: str) -> tuple[Path, ...]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", pattern]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return tuple(ROOT / name for name in listed if (ROOT / name).is_file())


def sources() -> list[Path]:
    return [path for path in tracked("*.py") if path.relative_to(ROOT).parts[0] in PACKAGES]


def functions(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse(path.read_text())
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_no_function_is_longer_than_the_limit() -> None:
    long = [name for path in tracked("*.py") for name, lines in functions(path) if lines > FUNCTION_LINES_MAX]
    assert long == []


def test_the_median_function_is_short() -> None:
    lengths = sorted(lines for path in sources() for _, lines in functions(path))
    assert lengths[len(lengths) // 2] <= FUNCTION_LINES_MEDIAN_MAX


@pytest.mark.parametrize("pattern", ["*.py", "*.js", "*.css"])
def test_no_file_is_longer_than_the_limit(pattern: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked(pattern)
        if (lines := path.read_text().count("\n")) > FILE_LINES_MAX
    }
    assert long == {}


def test_every_module_has_its_mirrored_test() -> None:
    missing = []
    for path in sources():
        inside = path.relative_to(ROOT)
        mirror = ROOT / "tests" / inside.parent / f"test_{inside.name}"
        if inside.name in NEEDS_NO_MIRROR or inside.name.endswith("_tables.py"):
            continue
        if not mirror.is_file():
            missing.append(str(mirror.relative_to(ROOT)))
    assert missing == []


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in sources()}
    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_there_are_at_least_as_many_test_lines_as_source_lines() -> None:
    source_lines = sum(path.read_text().count("\n") for path in sources())
    test_lines = sum(path.read_text().count("\n") for path in tracked("tests/*.py"))
    assert test_lines >= source_lines, f"{test_lines} test lines for {source_lines} source lines"


def test_architecture_names_every_package() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    folders = {str(path.parent.relative_to(ROOT)) for path in sources()}
    assert [folder for folder in sorted(folders) if f"`{folder}/`" not in text] == []


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    named = {
        word
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for word in [node.value]
        if word.startswith("SHEETAL_")
        and word.replace("_", "").isalpha()
        and word.isupper()
        and len(word) > len("SHEETAL_")
    }
    assert sorted(word for word in named if word not in text) == []


def test_no_committed_file_names_a_registry_or_carries_a_download_address() -> None:
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "npmjs" + ".com")
    guilty = [
        str(path.relative_to(ROOT))
        for path in tracked("*")
        if path.suffix in {".txt", ".json", ".toml", ".md", ".py", ".yml", "", ".cfg"}
        and any(host in path.read_text(errors="ignore") for host in hosts)
    ]
    assert guilty == []


def test_lock_files_pin_every_package_with_hashes() -> None:
    for name in ("all.txt", "uv.txt", "node.txt"):
        blocks = (ROOT / "requirements" / name).read_text().replace("\\\n", " ").splitlines()
        loose = [
            line.split()[0] for line in blocks if line and not line.startswith("#") and "--hash=sha256:" not in line
        ]
        assert loose == [], name


def test_the_readme_shows_the_two_commands_first() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.index("make demo") < text.index("## ") or text.index("make demo") < text.index(
        "## ", text.index("## ") + 1
    )
    assert "make test" in text
