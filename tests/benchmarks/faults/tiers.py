"""How often a counted promise is tried below its full count (DESIGN section 9)."""

from __future__ import annotations


def plain(full: int) -> int:
    """In `make test`: two in a hundred, at least five, never more than in full."""
    return _share(full, 2)


def stack(full: int) -> int:
    """In `make stack-test`: five in a hundred, at least five, never more than in full."""
    return _share(full, 5)


def _share(full: int, hundredths: int) -> int:
    return min(full, max(5, full * hundredths // 100))
