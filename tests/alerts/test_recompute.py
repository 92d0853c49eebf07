from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from alerts import recompute
from sheetal.contracts.verdict import Finding
from sheetal.thermal import bundle as bundles
from sheetal.thermal.bundle import Bundle, BundleStay
from sheetal.thermal.cuts import Hung
from sheetal.thermal.verdict import RULE_VERSION, digest, judge
from tests.alerts.given import FRIDGE, HOLDING, MINUTE, TVC, at, product

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]


def given_bundle(cold_until: int = 105) -> Bundle:
    samples = [(at(minute), -180 if 30 <= minute < cold_until else 400) for minute in range(200)]
    stay = BundleStay(
        stay=1,
        appliance=FRIDGE,
        evidence_kind="telemetry",
        from_ms=at(0),
        until_ms=None,
        sensors=[Hung(TVC, "coldest", MINUTE, at(-60), None)],
        samples={TVC: samples},
    )
    nothing = judge(HOLDING, product(), [], at(200))
    empty = Bundle(
        verdict_id=12,
        found_at_ms=at(200),
        made_at_ms=at(300),
        digest="",
        stated=nothing,
        holding=HOLDING,
        lot="covishield/CS-1",
        product=product(),
        expires_at_ms=None,
        thawed_at_ms=None,
        opened_at_ms=None,
        vvm_readings=[],
        stays=[stay],
    )
    found = bundles.recompute(empty)
    return msgspec.structs.replace(empty, stated=found, digest=digest(found))


def kept(folder: Path, bundle: Bundle) -> Path:
    path = folder / "verdict-12.bundle.json"
    path.write_bytes(bundles.encode(bundle))
    return path


def told(arguments: Sequence[str]) -> tuple[int, str]:
    lines: list[str] = []
    code = recompute.main(arguments, lines.append)
    return code, "\n".join(lines)


def test_the_same_is_said_with_its_reason(tmp_path: Path) -> None:
    bundle = given_bundle()
    code, text = told([str(kept(tmp_path, bundle))])
    assert code == recompute.SAME
    for words in (
        "verdict 12 on holding H-1, lot covishield/CS-1",
        "1 stays, 200 readings",
        f"stated:   hold; digest {bundle.digest}",
        f"found:    hold; digest {bundle.digest}",
        "at or below -0.5 °C for 74 min confirmed, 76 min possible",
    ):
        assert words in text, words
    assert text.endswith("\nsame")
    assert "differs" not in text


def test_another_result_is_told_place_by_place(tmp_path: Path) -> None:
    bundle = given_bundle()
    other = msgspec.structs.replace(bundle, stays=given_bundle(cold_until=40).stays)
    code, text = told([str(kept(tmp_path, other))])
    assert code == recompute.DIFFERENT
    assert 'differs:  finding: "hold" -> "excursion_noted"' in text
    assert text.endswith("NOT the same")


def test_a_forged_finding_is_found_out(tmp_path: Path) -> None:
    bundle = given_bundle()
    softened = msgspec.structs.replace(bundle.stated, finding=Finding.USABLE, reached=[])
    forged = msgspec.structs.replace(bundle, stated=softened, digest=digest(softened))
    assert told([str(kept(tmp_path, forged))])[0] == recompute.DIFFERENT


def test_rules_of_another_program_are_named(tmp_path: Path) -> None:
    bundle = given_bundle()
    old = msgspec.structs.replace(bundle.stated, rule_version="sheetal-thermal/0")
    code, text = told([str(kept(tmp_path, msgspec.structs.replace(bundle, stated=old)))])
    assert code == recompute.DIFFERENT
    assert f"judged by rules sheetal-thermal/0; this program has {RULE_VERSION}" in text


def test_what_is_no_bundle_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a bundle")
    for arguments in ([str(path)], [str(tmp_path / "missing.json")], [str(tmp_path)]):
        code, text = told(arguments)
        assert code == recompute.UNREADABLE
        assert arguments[0] in text
        assert "\n" not in text


def test_a_file_too_big_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kept(tmp_path, given_bundle())
    monkeypatch.setattr(recompute, "BYTES_MAX", 100)
    code, text = told([str(path)])
    assert (code, "too big" in text) == (recompute.UNREADABLE, True)


@pytest.mark.parametrize("arguments", [[], ["one", "two"]])
def test_one_file_at_a_time(arguments: list[str]) -> None:
    assert told(arguments) == (recompute.UNREADABLE, recompute.USAGE)


def test_the_command_needs_no_setting_and_no_store(tmp_path: Path) -> None:
    path = kept(tmp_path, given_bundle())
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")}
    command = [sys.executable, "-m", "alerts", "recompute", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("same\n")
