"""What the catalogue's pages say: stages, limits, confidence, and why a product cannot be recorded (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.formats import limit, temperature
from portal.language import marked
from sheetal.contracts.limits import Side

if TYPE_CHECKING:
    from sheetal.contracts.limits import HoldRule, StorageRange
    from sheetal.contracts.product import Product
    from sheetal.ledger.appliance_models import ModelAlarm, ModelRange
    from sheetal.ledger.programme import DefaultRule

    Limited = HoldRule | DefaultRule | ModelAlarm
    Ranged = StorageRange | ModelRange

STAGES = {
    "refrigerated": marked("refrigerated"),
    "frozen": marked("frozen"),
    "ultra_cold": marked("ultra-cold"),
    "thawed": marked("thawed"),
}
ACTS = {"thaw": marked("from its thaw on"), "open": marked("from its opening on")}
CONFIDENCE = {
    "high": ("ok", marked("read in the source")),
    "medium": ("nodata", marked("not read in the label")),
    "low": ("adv", marked("not sure: check before use")),
}
"""Chip and words by confidence; the words say what the reader may rely on."""
PROGRAMMES = {"IN": marked("India"), "WHO": marked("WHO"), "label": marked("the label")}
KINDS = {
    "ilr": marked("refrigerator"),
    "deep_freezer": marked("freezer"),
    "walk_in_cooler": marked("walk-in cooler"),
    "walk_in_freezer": marked("walk-in freezer"),
    "cold_box": marked("cold box"),
    "carrier": marked("carrier"),
}
FIELDS = {
    "vaccine": marked("vaccine"),
    "display_name": marked("name"),
    "display_name_hindi": marked("name in Hindi"),
    "manufacturer": marked("manufacturer"),
    "stage": marked("storage stage"),
    "freeze_sensitive": marked("freeze-sensitive"),
    "vvm_type": marked("vial monitor"),
    "doses_per_vial": marked("doses a vial"),
    "open_vial_hours": marked("open-vial hours"),
    "ranges": marked("storage ranges"),
    "hold_rules": marked("hold rules"),
    "schedule": marked("schedule"),
    "excursion_budget": marked("excursion budget"),
    "light_sensitive": marked("light"),
    "aluminium_adsorbed": marked("aluminium"),
    "diluent_freeze_sensitive": marked("diluent"),
    "shelf_life_months": marked("shelf life"),
    "heat_group": marked("heat group"),
    "next_stages": marked("later stages"),
    "open_vials": marked("open vials"),
    "handling_source": marked("source of handling"),
    "mkt_joules_per_mole": marked("energy of the kinetic mean"),
    "dcc_medicinal_product": marked("certificate codes"),
    "dcc_prophylaxis": marked("certificate codes"),
    "dcc_manufacturer": marked("certificate codes"),
}
"""What a version can change, by the field's name."""
REFUSALS = {
    "version_changed": (marked("Somebody added a version meanwhile. Open the product again."), "version"),
    "other_product": (marked("These words make it another product. Add a new one."), "vaccine"),
    "backdated": (marked("A new version cannot be in force before the one so far."), "effective_from"),
}
FLAWS = {
    "is empty: no limit without a source": marked("Say where this number comes from: no limit without a source."),
    "is not high, medium or low": marked("Say how sure it is."),
    "is not small letters, digits and dashes": marked("Use small letters, digits and dashes."),
    "is not a day YYYY-MM-DD": marked("Give a day."),
    "is not after effective_from": marked("This day is not after the first one."),
    "is not above centi_celsius_min": marked("The upper end must be above the lower one."),
    "limits neither side": marked("Give at least one end of the range."),
    "is not a temperature that vaccine is kept at, in hundredths of a degree Celsius": marked(
        "Vaccine is not kept at this temperature."
    ),
    "is not a name of its own": marked("Each rule needs a name of its own."),
    "is not named once": marked("Name each programme once."),
    "lies inside the storage range of its stage": marked(
        "This limit lies inside the storage range: it would hold stock that is where it belongs."
    ),
    "is not in capitals, as CoWIN writes it": marked("Write it in capitals, as CoWIN does."),
    "names a stage without a range": marked("Each stage needs a name and a range of its own."),
    "has no range, or is named twice": marked("Each stage needs a name and a range of its own."),
    "is no stage of this product": marked("This stage is not filled in below."),
}
NO_RULE = marked(
    "Tick a rule of the programme for heat, and for cold where the stock must not freeze; only a rule of your own that "
    "was read in the source can replace it."
)
WIDENS = marked("The programme keeps this product narrower than that and would have to widen it.")
OTHERWISE = marked("This number or word is not possible here.")


def flaw(what: str) -> str:
    """The sentence beside a form's field for a flaw that the ledger named."""
    if what.startswith("leaves the stage"):
        return NO_RULE
    return WIDENS if what.startswith("widens") else FLAWS.get(what, OTHERWISE)


def range_words(labelled: Ranged) -> tuple[str, str]:
    """Both ends of a range as temperatures, an open one empty."""
    low, high = labelled.centi_celsius_min, labelled.centi_celsius_max
    return (
        "" if low is None else temperature(low, signed=True),
        "" if high is None else temperature(high, signed=True),
    )


def only_once_thawed(product: Product) -> bool:
    """Whether it is a later stage alone in which the stock must not freeze."""
    watched = any(rule.side is Side.COLD and rule.stage is not None for rule in product.hold_rules)
    return watched and not product.freeze_sensitive


def times(minutes_of_day: list[int]) -> str:
    """`08:00, 17:00`."""
    return ", ".join(f"{minute // 60:02}:{minute % 60:02}" for minute in minutes_of_day)


def rule_limit(rule: Limited) -> str:
    """A rule's comparison: `≤ −0.5 °C`."""
    return limit(rule.limit_centi_celsius, inclusive=rule.inclusive, cold=rule.side is Side.COLD)
