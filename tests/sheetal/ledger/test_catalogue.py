from __future__ import annotations

import datetime as dt
import shutil
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import select, update

from sheetal.contracts.limits import DAY_MS, Measure, Side
from sheetal.contracts.problem import FileProblem, NotFound, Refused
from sheetal.ledger import catalogue, rejudge
from sheetal.ledger.stock_tables import product as product_table
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.catalogue_kit import FOLDER
from tests.sheetal.ledger.seeds import NOW_MS, PRODUCT

if TYPE_CHECKING:
    from pathlib import Path

    from sheetal.contracts.product import Product
    from sheetal.ledger.connect import Ledger

RANGE_CITATION = 'citation = "WHO EUL and SmPC: store at 2 to 8 C, do not freeze, protect from light"'
OWN_RULE = """
[[hold_rules]]
rule = "own"
side = "hot"
limit_centi_celsius = 800
inclusive = false
measure = "run"
minutes = 5
"""
LOADED = {one.product: one for one in catalogue.load_catalogue()}
COWIN = ("covishield", "covaxin", "corbevax", "sputnik-v", "gemcovac-19", "incovacc", "zycov-d", "covovax")
REFRIGERATED = [name for name, one in LOADED.items() if one.stage == "refrigerated"]


def ms(day: str) -> int:
    return int(dt.datetime.fromisoformat(f"{day}T00:00:00+05:30").timestamp() * 1000)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A catalogue of one product, which nothing narrows, that a test may spoil."""
    (tmp_path / "products").mkdir()
    head, _, tail = (FOLDER / "programme.toml").read_text().partition("# 2. ")
    (tmp_path / "programme.toml").write_text(head + tail[tail.index("# 3. ") :])
    shutil.copy(FOLDER / "products" / "covishield.toml", tmp_path / "products")
    return tmp_path


def spoil(folder: Path, before: str, after: str, name: str = "products/covishield.toml") -> None:
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after, 1))


def test_the_vaccines_of_cowin_are_there() -> None:
    assert set(COWIN) <= set(LOADED)


@pytest.mark.parametrize("name", REFRIGERATED)
def test_a_refrigerated_product_is_judged_by_the_programmes_rules(name: str) -> None:
    product = LOADED[name]
    rules = {one.rule: one for one in product.hold_rules}
    heat = rules["programme-heat"]
    assert (heat.side, heat.limit_centi_celsius, heat.inclusive) == (Side.HOT, 800, False)
    assert (heat.measure, heat.minutes, heat.stage) == (Measure.RUN, 600, None)
    assert ("programme-freeze" in rules) == product.freeze_sensitive
    if product.freeze_sensitive:
        freeze = rules["programme-freeze"]
        assert (freeze.side, freeze.limit_centi_celsius, freeze.inclusive) == (Side.COLD, -50, True)
        assert (freeze.measure, freeze.minutes, freeze.stage) == (Measure.RUN, 60, None)
    (labelled,) = product.ranges
    assert (labelled.centi_celsius_min, labelled.centi_celsius_max) == (200, 800)


def test_frozen_stock_is_judged_by_its_own_upper_limit() -> None:
    rule = LOADED["sputnik-v"].hold_rules[0]
    assert (rule.side, rule.limit_centi_celsius, rule.inclusive, rule.minutes) == (Side.HOT, -1_800, False, 60)
    assert LOADED["sputnik-v"].stage == "frozen"


def test_frozen_stock_without_an_upper_limit_is_judged_by_the_devices(copy: Path) -> None:
    spoil(copy, 'default_rules = ["freeze_sensitive", "refrigerated"]', 'default_rules = ["frozen"]')
    spoil(copy, "freeze_sensitive = true", "freeze_sensitive = false")
    spoil(copy, "centi_celsius_max = 800", "")
    (product,) = catalogue.load_catalogue(copy)
    assert product.hold_rules[0].limit_centi_celsius == -1_500


@pytest.mark.parametrize("product", LOADED.values(), ids=LOADED)
def test_every_default_says_that_it_is_one_and_who_decided_when(product: Product) -> None:
    defaults = [one for one in product.hold_rules if one.source.default_of is not None]
    assert any(one.rule.startswith("programme-") for one in defaults) or product.product == "comirnaty-purple"
    for rule in defaults:
        assert rule.source.default_of == "programme"
        assert rule.source.decided_by is not None
        role, day = rule.source.decided_by.rsplit(", ", 1)
        assert "medical officer" in role
        assert dt.date.fromisoformat(day)


@pytest.mark.parametrize("product", LOADED.values(), ids=LOADED)
def test_every_product_is_complete(product: Product) -> None:
    assert product.vaccine == product.vaccine.upper()
    assert product.display_name_hindi != product.display_name
    assert product.schedule.doses_total >= 1
    assert product.schedule.age_years_min in {0, 10, 12, 15, 18}
    assert product.handling_source is not None
    limits = (*product.ranges, *product.hold_rules, *product.next_stages, *product.open_vials, product.schedule)
    for sourced in limits:
        assert sourced.source.citation
        assert sourced.source.confidence in {"high", "medium", "low"}


def test_the_schedules_of_the_drive() -> None:
    days = {name: (one.schedule.interval_days_min, one.schedule.interval_days_max) for name, one in LOADED.items()}
    assert days["covishield"] == (84, 112)
    assert days["covaxin"] == (28, 42)
    assert days["sputnik-v"] == (21, 90)
    assert days["covovax"] == (21, None)
    assert LOADED["zycov-d"].schedule.doses_total == 3


def test_dcc_codes_where_they_are_known() -> None:
    codes = {
        name: (one.dcc_prophylaxis, one.dcc_medicinal_product, one.dcc_manufacturer) for name, one in LOADED.items()
    }
    assert codes["covishield"] == ("J07BX03", "Covishield", "ORG-100001981")
    assert codes["covaxin"] == ("J07BX03", "Covaxin", "Bharat-Biotech")
    assert codes["gemcovac-19"] == ("1119349007", None, None)


BAD = [
    (RANGE_CITATION, "", "ranges[0].source"),
    (
        RANGE_CITATION,
        'citation = " "',
        "ranges[0].source.citation",
    ),
    (
        f'[ranges.source]\n{RANGE_CITATION}\nconfidence = "high"',
        "",
        "ranges[0]",
    ),
    ('confidence = "medium"', 'confidence = "certain"', "schedule.source.confidence"),
    ("[handling]", "[handling]\ncolour = 1", "handling"),
    ("doses_per_vial = 10", 'doses_per_vial = "ten"', "handling.doses_per_vial"),
    ('stage = "refrigerated"', 'stage = "frozen"', "stage"),
    ('product = "covishield"', 'product = "covaxin"', "product"),
    ('"freeze_sensitive", ', '"shaken", ', "default_rules"),
    ('"freeze_sensitive", ', "", "default_rules"),
    (', "refrigerated"', "", "default_rules"),
    ('effective_from = "2021-05-13"', 'effective_from = "13-05-2021"', "effective_from"),
    ("version = 2", "version =", "the file"),
]


@pytest.mark.parametrize(("before", "after", "key"), BAD)
def test_a_bad_file_is_refused_with_its_name_and_key(copy: Path, before: str, after: str, key: str) -> None:
    spoil(copy, before, after)
    with pytest.raises(FileProblem, match=r"covishield\.toml") as caught:
        catalogue.load_catalogue(copy)
    assert caught.value.facts["key"] == key
    assert str(caught.value.facts["file"]).endswith("products/covishield.toml")
    assert caught.value.next_step


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="cannot be read"):
        catalogue.load_catalogue(tmp_path)


def test_a_hold_rule_of_the_products_own_needs_a_source_too(copy: Path) -> None:
    path = copy / "products" / "covishield.toml"
    path.write_text(path.read_text() + OWN_RULE)
    with pytest.raises(FileProblem, match="source"):
        catalogue.load_catalogue(copy)
    path.write_text(path.read_text() + '[hold_rules.source]\ncitation = "label"\nconfidence = "high"\n')
    (product,) = catalogue.load_catalogue(copy)
    assert [one.rule for one in product.hold_rules] == ["own", "programme-freeze", "programme-heat"]


def test_the_whole_catalogue_is_recorded_and_read_back(ledger: Ledger) -> None:
    with ledger.write() as conn:
        assert catalogue.record_products(conn, list(LOADED.values()), NOW_MS) == list(LOADED)
        assert catalogue.record_products(conn, list(LOADED.values()), NOW_MS) == []
        assert {one.product: one for one in catalogue.products(conn, NOW_MS)} == LOADED
        assert catalogue.product_version(conn, "covaxin", NOW_MS) == LOADED["covaxin"]


def test_a_dose_is_judged_by_the_version_in_force_on_its_day(ledger: Ledger) -> None:
    first = seeds.product(effective_from="2021-01-16", effective_until="2021-05-13")
    second = seeds.product(version=2, effective_from="2021-05-13")
    with ledger.write() as conn:
        catalogue.record_products(conn, [first, second], NOW_MS)
        for at_ms, version in (
            (ms("2021-01-16"), 1),
            (ms("2021-05-13") - 1, 1),
            (ms("2021-05-13"), 2),
            (NOW_MS, 2),
        ):
            assert catalogue.product_version(conn, PRODUCT, at_ms).version == version
        assert catalogue.product_by_version(conn, PRODUCT, 1) == first
        with pytest.raises(NotFound):
            catalogue.product_version(conn, PRODUCT, ms("2021-01-16") - 1)
        with pytest.raises(NotFound):
            catalogue.product_by_version(conn, PRODUCT, 3)
        assert catalogue.products(conn, ms("2020-01-01")) == []


def test_a_version_that_cannot_be_read_is_a_problem_of_its_product_alone(ledger: Ledger) -> None:
    with ledger.write() as conn:
        catalogue.record_products(conn, [LOADED["covaxin"], LOADED["corbevax"]], NOW_MS)
        conn.execute(update(product_table).where(product_table.c.id == "covaxin").values(definition='{"product":'))
    with ledger.read() as conn:
        with pytest.raises(NotFound, match="cannot be read"):
            catalogue.product_version(conn, "covaxin", NOW_MS)
        assert "corbevax" in {one.product for one in catalogue.products(conn, NOW_MS)}


def test_the_highest_version_in_force_wins(ledger: Ledger) -> None:
    with ledger.write() as conn:
        catalogue.record_products(conn, [seeds.product(), seeds.product(version=3), seeds.product(version=2)], NOW_MS)
        assert catalogue.product_version(conn, PRODUCT, NOW_MS).version == 3


def test_a_recorded_version_never_changes(house: Ledger) -> None:
    with house.write() as conn, pytest.raises(Refused) as caught:
        catalogue.record_products(conn, [seeds.product(doses_per_vial=11)], NOW_MS)
    assert caught.value.facts == {"reason": "version_changed", "product": PRODUCT, "version": 1}


def test_a_field_that_came_later_changes_no_recorded_version(house: Ledger) -> None:
    """What an older program wrote names fewer fields; at their defaults they say the same."""
    later = ("open_vials", "next_stages", "light_sensitive", "handling_source", "mkt_joules_per_mole")
    with house.write() as conn:
        written = conn.execute(select(product_table.c.definition)).scalar_one()
        words = {name: word for name, word in msgspec.json.decode(written).items() if name not in later}
        old = msgspec.json.encode(words).decode()
        assert old != written
        conn.execute(product_table.update().values(definition=old))
        assert catalogue.record_products(conn, [seeds.product()], NOW_MS) == []
        with pytest.raises(Refused):
            catalogue.record_products(conn, [seeds.product(light_sensitive=True)], NOW_MS)


def test_the_history_of_a_product(house: Ledger) -> None:
    with house.write() as conn:
        catalogue.record_products(conn, [seeds.product(version=2)], NOW_MS + DAY_MS)
        newest, first = catalogue.versions(conn, PRODUCT)
        assert (newest.product.version, newest.recorded_at_ms) == (2, NOW_MS + DAY_MS)
        assert (first.product, first.recorded_at_ms) == (seeds.product(), NOW_MS)
        assert catalogue.versions(conn, "nothing") == []


def test_a_new_version_has_every_holding_judged_again(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2")
    seeds.judge(stocked)
    with stocked.write() as conn:
        catalogue.record_products(conn, [seeds.product("other")], NOW_MS)
        assert rejudge.pending(conn, 10) == []
        assert catalogue.record_products(conn, [seeds.product(version=2)], NOW_MS) == [PRODUCT]
        assert [mark.holding_id for mark in rejudge.pending(conn, 10)] == ["H-1", "H-2"]
    assert seeds.refusal(stocked) is not None


@pytest.mark.parametrize(
    ("at_ms", "day"),
    [(0, "1970-01-01"), (66_599_999, "1970-01-01"), (66_600_000, "1970-01-02"), (66_600_000 + DAY_MS, "1970-01-03")],
)
def test_a_day_is_indias(at_ms: int, day: str) -> None:
    assert catalogue.day_of(at_ms) == day


@pytest.mark.parametrize("day", ["1970-01-01", "2026-02-28", "2026-11-23"])
def test_a_day_begins_with_its_first_instant(day: str) -> None:
    start_ms = catalogue.start_of_day(day)
    assert (catalogue.day_of(start_ms), catalogue.day_of(start_ms + DAY_MS - 1)) == (day, day)
    assert catalogue.day_of(start_ms - 1) < day
    assert start_ms == ms(day)


def test_a_programme_that_widens_is_refused_by_its_own_file(copy: Path) -> None:
    wider = '[[narrow]]\nproducts = ["covishield"]\nopen_vial_minutes = 361\n[narrow.source]\ncitation = "x"\n'
    decided = 'confidence = "low"\ndefault_of = "programme"\ndecided_by = "medical officer, 2026-11-23"\n'
    path = copy / "programme.toml"
    path.write_text(path.read_text() + wider + decided)
    with pytest.raises(FileProblem, match=r"^programme\.toml: narrow\[0\]\.open_vial_minutes: widens") as caught:
        catalogue.load_catalogue(copy)
    assert caught.value.facts["key"] == "narrow[0].open_vial_minutes"
    path.write_text(path.read_text().replace("361", "360"))
    (product,) = catalogue.load_catalogue(copy)
    assert product.open_vial_hours == 6


def test_a_narrowing_of_an_unknown_product_is_a_slip_of_the_pen(copy: Path) -> None:
    shutil.copy(FOLDER / "programme.toml", copy)
    with pytest.raises(FileProblem, match="names 'covaxin': no such file"):
        catalogue.load_catalogue(copy)
