"""Where figures are kept: committed JSON, rendered to one page."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "docs" / "figures" / "benchmarks.json"
FAULTS = ROOT / "docs" / "figures" / "faults.json"
PAGE = ROOT / "docs" / "figures.md"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio: our value against the limit's, in the same run; `runs` are the ratios of the repeats."""

    value: float
    unit: str
    limit: str
    limit_value: float
    goal: float
    better: str
    runs: list[float]
    when: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One counted promise: how many tried, how many failed, how it was tried."""

    tried: int
    failed: int
    how: str
    when: str


def keep(path: Path, name: str, entry: Figure | Fault) -> None:
    """Write one entry into the committed file; the others stay, and the page is rendered again."""
    entries = load(path)
    entries[name] = asdict(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(sorted(entries.items())), indent=2) + "\n")
    PAGE.write_text(render(load(BENCHMARKS), load(FAULTS)))


def load(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of a figures file; none when it was never written."""
    entries: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    return entries


def render(benchmarks: dict[str, dict[str, Any]], faults: dict[str, dict[str, Any]]) -> str:
    """The page of figures: a name stands here only because its command was run."""
    lines = [
        "# Figures",
        "",
        "Measured by `make bench` and counted by `make soak SUITE=<name>`;",
        "a name is here only because its command was run.",
        "",
        "## Against named limits",
        "",
        "| name | value | limit in the same run | runs | goal | when |",
        "|---|--:|---|---|--:|---|",
    ]
    for name, row in benchmarks.items():
        runs = ", ".join(f"{run:.2f}" for run in row["runs"])
        sign = "≥" if row["better"] == "higher" else "≤"
        lines.append(
            f"| `{name}` | {row['value']:.2f} {row['unit']} | {row['limit']}: {row['limit_value']:,.0f} | {runs} "
            f"| {sign} {row['goal']:g} | {row['when']} |"
        )
    lines += ["", "## Counted promises", "", "| name | tried | failed | how | when |", "|---|--:|--:|---|---|"]
    lines += [
        f"| `{name}` | {row['tried']:,} | {row['failed']:,} | {row['how']} | {row['when']} |"
        for name, row in faults.items()
    ]
    return "\n".join(lines) + "\n"
