"""The square that an officer's phone reads to find this gateway in the portal."""

from __future__ import annotations

from functools import lru_cache

QUIET_MODULES = 4
TEXT_SIGNS_MAX = 400


def pairing_text(gateway: str, portal_url: str | None) -> str:
    """What the square says: the gateway's id and where its portal is."""
    return f"sheetal-gateway {gateway} {portal_url or ''}".strip()


@lru_cache(maxsize=2)
def square(text: str) -> str | None:
    """The square as inline SVG; None where its maker is not installed or the text is too long."""
    try:
        import segno  # noqa: PLC0415 - only who sets up needs it
    except ImportError:
        return None
    if len(text) > TEXT_SIGNS_MAX:
        return None
    made = segno.make(text, error="m", micro=False)
    return str(made.svg_inline(scale=4, border=QUIET_MODULES, dark="#10202b", light="#fff", omitsize=True))
