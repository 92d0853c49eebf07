"""Render docs/figures.md from the committed figures."""

from __future__ import annotations

from benchmarks.record import BENCHMARKS, FAULTS, PAGE, load, render

if __name__ == "__main__":
    PAGE.write_text(render(load(BENCHMARKS), load(FAULTS)))
    print(f"wrote {PAGE.name}")
