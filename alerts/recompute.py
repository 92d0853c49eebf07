"""`python -m alerts recompute FILE`: find a verdict again from its evidence bundle, and say whether it stands.

It opens no store and asks no server: the file is all there is. Exit code 0: the same; 1: another result, told place by
place; 2: the file cannot be read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sheetal.contracts.problem import FileProblem
from sheetal.thermal import bundle as bundles
from sheetal.thermal.exposure_report import reason_of
from sheetal.thermal.verdict import RULE_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sheetal.thermal.bundle import Bundle, Recomputed

SAME, DIFFERENT, UNREADABLE = 0, 1, 2
BYTES_MAX = 128 * 1024 * 1024
"""600,000 readings, the most that a bundle holds, take 15 MiB; beyond this it is no bundle."""
USAGE = "usage: python -m alerts recompute FILE"


def main(arguments: Sequence[str], tell: Callable[[str], None]) -> int:
    """Recompute one file; gives the exit code."""
    if len(arguments) != 1:
        tell(USAGE)
        return UNREADABLE
    try:
        bundle = bundles.decode(_read(Path(arguments[0])))
    except FileProblem as problem:
        tell(f"{arguments[0]}: {problem.message}. {problem.next_step}".strip())
        return UNREADABLE
    found = bundles.compare(bundle)
    for line in lines_of(bundle, found):
        tell(line)
    return SAME if found.is_same else DIFFERENT


def lines_of(bundle: Bundle, found: Recomputed) -> list[str]:
    """What became of it, for a person: the finding, the digests, and every place that differs."""
    stated = bundle.stated
    lines = [
        f"verdict {bundle.verdict_id} on holding {bundle.holding}, lot {bundle.lot}, version {stated.product_version}",
        f"evidence: {len(bundle.stays)} stays, {bundle.readings} readings, rules {stated.rule_version}",
        f"stated:   {stated.finding}; digest {bundle.digest}",
        f"found:    {found.verdict.finding}; digest {found.digest}",
        f"because:  {reason_of(found.verdict)}",
    ]
    if not found.is_same_program:
        lines.append(f"judged by rules {stated.rule_version}; this program has {RULE_VERSION}")
    lines += [f"differs:  {one.place}: {one.stated} -> {one.found}" for one in found.differences]
    lines.append("same" if found.is_same else "NOT the same")
    return lines


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > BYTES_MAX:
            raise FileProblem("this file is too big for an evidence bundle", line=0)
        return path.read_bytes()
    except OSError as error:
        raise FileProblem(f"cannot be read ({error.strerror})", next_step="give the bundle's path", line=0) from error
