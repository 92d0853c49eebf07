"""Render docs/figures.md from the committed figures; `--faults` only prints the table of counted promises."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from benchmarks.record import BENCHMARKS, FAULTS, PAGE, load, render

if TYPE_CHECKING:
    from collections.abc import Mapping

HOW_LETTERS_MAX = 76


def table(faults: Mapping[str, Mapping[str, Any]]) -> str:
    """The counted promises for a terminal: how many tried, how many lost, when, and how."""
    width = max((len(name) for name in faults), default=0)
    width = max(width, len("name"))
    lines = [f"{'name':{width}}  {'tried':>7}  {'lost':>5}  {'when':10}  how"]
    for name, row in faults.items():
        first, *others = _folded(str(row["how"]))
        lines.append(f"{name:{width}}  {row['tried']:>7,}  {row['failed']:>5,}  {row['when']:10}  {first}")
        lines += [f"{'':{width + 28}}  {line}" for line in others]
    return "\n".join(lines)


def _folded(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > HOW_LETTERS_MAX:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def main(arguments: list[str]) -> int:
    """0; 1 when a promise was counted as broken."""
    faults = load(FAULTS)
    if arguments == ["--faults"]:
        print(table(faults))
        return 1 if any(row["failed"] for row in faults.values()) else 0
    PAGE.write_text(render(load(BENCHMARKS), faults))
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
