"""The shipped catalogue, a small product's file to spoil, and a programme that narrows nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sheetal.ledger.product_file import ProductFile
from sheetal.ledger.programme import Narrowing, Programme, load_programme

FOLDER = Path(__file__).resolve().parents[3] / "catalogue"
SHIPPED = load_programme(FOLDER)
PLAIN = msgspec.structs.replace(SHIPPED, narrowings=[])
SOURCE = {"citation": "a made-up label", "confidence": "high"}
BOTH = ["freeze_sensitive", "refrigerated"]


def file_words(**changes: object) -> dict[str, object]:
    """A freeze-sensitive product at 2 to 8 °C as its file says it."""
    return {
        "product": "sample",
        "version": 1,
        "vaccine": "SAMPLE",
        "display_name": "Sample",
        "display_name_hindi": "नमूना",
        "manufacturer": "made-up",
        "stage": "refrigerated",
        "effective_from": "2026-01-01",
        "default_rules": BOTH,
        "handling": {"freeze_sensitive": True, "doses_per_vial": 10, "source": SOURCE},
        "ranges": [fridge("refrigerated")],
        "schedule": {"doses_total": 2, "age_years_min": 18, "effective_from": "2026-01-01", "source": SOURCE},
        **changes,
    }


def frozen_words(**changes: object) -> dict[str, object]:
    """A product that is kept frozen and thawed for at most ten days."""
    thawed = {"stage": "thawed", "after": "thaw", "minutes_max": 14_400, "default_rules": BOTH, "source": SOURCE}
    frozen = {"stage": "frozen", "centi_celsius_min": -2_500, "centi_celsius_max": -1_500, "source": SOURCE}
    words = {
        "stage": "frozen",
        "default_rules": ["frozen"],
        "handling": {"freeze_sensitive": False, "doses_per_vial": 10, "source": SOURCE},
        "ranges": [frozen, fridge("thawed")],
        "next_stages": [thawed],
    }
    return file_words(**{**words, **changes})


def fridge(stage: str) -> dict[str, object]:
    return {"stage": stage, "centi_celsius_min": 200, "centi_celsius_max": 800, "source": SOURCE}


def own_rule(**changes: object) -> dict[str, object]:
    """A hold rule of the product's own: more than 12 hours above +8 °C in total."""
    words: dict[str, object] = {
        "rule": "own",
        "side": "hot",
        "limit_centi_celsius": 800,
        "inclusive": False,
        "measure": "cumulative",
        "minutes": 720,
        "source": SOURCE,
    }
    return words | changes


def text(words: dict[str, object] | None = None) -> ProductFile:
    return msgspec.convert(words or file_words(), ProductFile)


def narrowing(**changes: object) -> Narrowing:
    decided = SOURCE | {"default_of": "programme", "decided_by": "medical officer, 2026-11-23"}
    return msgspec.convert({"products": ["sample"], "source": decided, **changes}, Narrowing)


def programme(*narrowings: Narrowing) -> Programme:
    return msgspec.structs.replace(PLAIN, narrowings=list(narrowings))
