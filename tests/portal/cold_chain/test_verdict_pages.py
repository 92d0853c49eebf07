from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from portal.cold_chain import verdict_pages, verdicts
from portal.identity.service import Role
from sheetal.contracts.batch import DaySummary
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import holdings, judgement_writes, judgements, stock, telemetry_writes
from sheetal.thermal import bundle as bundles

if TYPE_CHECKING:
    from sheetal.readings.port import Reading
    from tests.portal.conftest import Browser, Stage

NBSP = "\u00a0"


def number_of(stage: Stage, holding: str = "H-58213") -> int:
    with stage.ledger.read() as conn:
        found = judgements.latest_verdict(conn, holding)
    assert found is not None
    return found.id


def text_of(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text.replace(NBSP, " ")


def test_a_verdict_page_shows_its_work_from_rule_to_calibration(officer: Browser, seeded: Stage) -> None:
    number = number_of(seeded)
    page = text_of(officer, f"/cc/verdicts/{number}")
    for text in (
        f"<h1>Verdict {number}</h1>",
        "Frozen: at or below −0.5 °C for 74 min, limit 60 min",
        "74 min confirmed, 17:35 to 18:49",
        "60 min at 18:35",
        "76 min possible",
        "Extreme −1.8 °C, 1.3 °C beyond the limit; calibration CAL-0931: ±0.3 °C",
        "74 min ≥ 60 min → hold at once",
        "WHO PQS device rule",
        "Recomputed now from 1,440 readings: the same result",
        f"python -m alerts recompute verdict-{number}.bundle.json",
        f'href="/api/v1/verdicts/{number}/bundle"',
        f'href="/cc/verdicts/{number}/readings.csv"',
        "calibration CAL-0931 ±0.3 °C, valid to",
        "sheetal-thermal/",
    ):
        assert text in page, text
    assert page.count('class="trace wide') == 1
    assert page.count('class="trace narrow') == 1
    assert "<script>" not in page
    assert " style=" not in page


def test_it_is_the_same_in_hindi(officer: Browser, seeded: Stage) -> None:
    page = text_of(officer, f"/hi/cc/verdicts/{number_of(seeded)}")
    for text in ("हिसाब दिखाएँ", "74 मिनट पक्का", "वही नतीजा", "ख़ुद फिर से निकालें", "अंशांकन CAL-0931"):
        assert text in page, text
    assert "Show your work" not in page
    assert "Recomputed" not in page


def test_the_holding_shows_the_same_chart_and_leads_to_the_verdict(officer: Browser, seeded: Stage) -> None:
    page = text_of(officer, "/cc/holdings/H-58213")
    assert 'class="trace wide freeze"' in page
    assert f'href="/cc/verdicts/{number_of(seeded)}"' in page
    assert "Given since it was possibly unfit" in page
    assert "none given" in page


@pytest.mark.parametrize("holding", ["H-1", "H-3", "H-4", "H-6"])
def test_every_state_has_its_page(officer: Browser, seeded: Stage, holding: str) -> None:
    number = number_of(seeded, holding)
    page = text_of(officer, f"/cc/verdicts/{number}")
    assert "Where it stood, and who says so" in page
    assert "Same result" in page
    assert re.search(r'<polyline class="line" points="[\d., -]+"', page)


def test_an_excursion_is_opened_by_its_row(officer: Browser, seeded: Stage) -> None:
    number = number_of(seeded, "H-4")
    first, second = (text_of(officer, f"/cc/verdicts/{number}?run={run}") for run in (1, 2))
    assert first.count('class="chosen"') == second.count('class="chosen"') == 2
    drawn = re.compile(r'points="([^"]+)"')
    assert drawn.search(first) is not None
    assert drawn.findall(first) != drawn.findall(second)
    assert f'href="/cc/verdicts/{number}?run=2#work"' in first


def test_a_holding_that_nobody_has_judged_says_so(officer: Browser, seeded: Stage) -> None:
    from_ms = seeded.now_ms - 60_000
    with seeded.ledger.write() as conn:
        stock.receive_holding(
            conn, "H-new", "covishield/CS-2301", "F-101", 10, "A-101-1", EvidenceKind.TELEMETRY, from_ms, from_ms, "x"
        )
    page = text_of(officer, "/cc/holdings/H-new")
    assert "The engine has not judged this holding yet." in page
    assert "No verdict yet." in page


def test_a_loggers_days_have_bars_and_a_table(officer: Browser, seeded: Stage) -> None:
    number = number_of(seeded, "H-3")
    with seeded.ledger.read() as conn:
        stored = judgements.verdict_by_id(conn, number)
    assert stored is not None
    (stay,) = stored.verdict.stays
    day = DaySummary(
        0,
        stay.sensors[0],
        stay.from_ms,
        stay.from_ms + DAY_MS // 2,
        -300,
        700,
        -50,
        60,
        800,
        600,
        90,
        0,
        0,
        stay.from_ms,
    )
    with seeded.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [day], seeded.now_ms - HOUR_MS)
    unread = replace(stored.verdict, stays=[replace(stay, readings=0)])
    with seeded.ledger.write() as conn:
        later = judgement_writes.append_verdict(conn, unread, seeded.now_ms)
    for path, said in (("", "Only the lowest and highest of each time are known."), ("/hi", "केवल न्यूनतम और अधिकतम")):
        page = text_of(officer, f"{path}/cc/holdings/H-3")
        assert page.count('<rect class="bar"') == 2
        assert said in page
    page = text_of(officer, f"/cc/verdicts/{later}")
    assert '<td class="num">−3.0</td>' in page
    assert "Lowest and highest of each day from" in page


def test_an_old_verdict_names_the_newer_one(officer: Browser, seeded: Stage) -> None:
    number = number_of(seeded)
    with seeded.ledger.write() as conn:
        found = judgements.verdict_by_id(conn, number)
        assert found is not None
        newer = judgement_writes.append_verdict(conn, found.verdict, seeded.now_ms)
    page = text_of(officer, f"/cc/verdicts/{number}")
    assert "A newer verdict stands." in page
    assert f'href="/cc/verdicts/{newer}"' in page


def test_the_bundle_is_a_file_from_which_the_verdict_is_found_again(officer: Browser, seeded: Stage) -> None:
    number = number_of(seeded)
    answer = officer.get(f"/api/v1/verdicts/{number}/bundle")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == f'attachment; filename="verdict-{number}.bundle.json"'
    bundle = bundles.decode(answer.content)
    found = bundles.compare(bundle)
    assert (bundle.verdict_id, found.is_same, found.differences) == (number, True, [])


def test_the_readings_come_as_csv(officer: Browser, seeded: Stage) -> None:
    answer = officer.get(f"/cc/verdicts/{number_of(seeded)}/readings.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.count("\n") == 1441


def test_a_store_that_is_away_leaves_the_page_and_refuses_the_file(
    officer: Browser, seeded: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> list[Reading]:
        raise Unavailable("the store is away")

    monkeypatch.setattr(seeded.readings, "read", away)
    page = text_of(officer, f"/cc/verdicts/{number_of(seeded)}")
    assert "The readings store does not answer." in page
    assert "74 min confirmed" in page
    assert officer.get(f"/api/v1/verdicts/{number_of(seeded)}/bundle").status_code == 503


def test_a_long_history_is_recomputed_when_asked(
    officer: Browser, seeded: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "RECOMPUTED_AT_ONCE", 100)
    number = number_of(seeded)
    page = text_of(officer, f"/cc/verdicts/{number}")
    assert "Recompute now" in page
    assert "Same result" not in page
    assert "Same result" in text_of(officer, f"/cc/verdicts/{number}?recompute=true")


def test_another_result_is_shown_place_by_place(
    officer: Browser, seeded: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = bundles.compare

    def differing(bundle: bundles.Bundle) -> bundles.Recomputed:
        place = bundles.Difference("finding", '"hold"', '"usable"')
        return compare(bundle)._replace(is_same=False, differences=[place])

    monkeypatch.setattr(bundles, "compare", differing)
    page = text_of(officer, f"/cc/verdicts/{number_of(seeded)}")
    assert "Another result" in page
    assert "<code>finding</code>" in page
    assert "1 place differs" in page


def test_nobody_sees_others_verdicts(client: Browser, seeded: Stage) -> None:
    number = number_of(seeded)
    assert client.get(f"/cc/verdicts/{number}").status_code == 303
    assert client.get(f"/api/v1/verdicts/{number}/bundle").status_code == 401
    seeded.add_person(Role.HANDLER, "F-101")
    client.sign_in("handler")
    for path in (f"/cc/verdicts/{number}", f"/cc/verdicts/{number}/readings.csv", f"/api/v1/verdicts/{number}/bundle"):
        assert client.get(path).status_code == 404, path
    assert client.get(f"/cc/verdicts/{number_of(seeded, 'H-1')}").status_code == 200


@pytest.mark.parametrize("path", ["/cc/verdicts/0", "/cc/verdicts/x", "/cc/verdicts/1?run=0", "/cc/verdicts/1?dose=-1"])
def test_a_bad_address_is_answered(officer: Browser, path: str) -> None:
    assert officer.get(path).status_code in {404, 422}
    assert officer.get("/cc/verdicts/999999").status_code == 404


def test_who_vouches_is_asked_of_the_sensor_that_is_drawn(seeded: Stage) -> None:
    with seeded.ledger.read() as conn:
        stored = judgements.latest_verdict(conn, "H-58213")
        assert stored is not None
        product = verdicts.judged_by(conn, stored.verdict)
    shown = verdicts.shown(
        verdict_pages.Stores(seeded.ledger, seeded.telemetry, seeded.readings), stored.verdict, product
    )
    voucher = verdict_pages.voucher_shown(stored.verdict, shown)
    assert voucher is not None
    assert voucher.sensor == shown.sensor == "gw-02.a-102-3-tvc"


def test_a_source_is_told_in_the_pages_language_and_the_zone_once(officer: Browser, seeded: Stage) -> None:
    number = number_of(seeded)
    english, hindi = text_of(officer, f"/cc/verdicts/{number}"), text_of(officer, f"/hi/cc/verdicts/{number}")
    assert "; confidence high" in english
    assert "भरोसा ऊँचा" in hindi
    assert "भरोसा high" not in hindi
    assert english.count("All times are Indian time (IST).") == 1
    assert hindi.count("सभी समय भारतीय समय (IST) में हैं।") == 1
    assert "coldest point" in english
    assert "coldest point" not in hindi
    assert "सबसे ठंडी जगह" in hindi


def test_a_verdict_looked_at_in_a_later_year_says_its_own(officer: Browser, seeded: Stage) -> None:
    number = number_of(seeded)
    assert re.search(r"First \d+ Nov 17:35", text_of(officer, f"/cc/verdicts/{number}"))
    seeded.now_ms += 400 * DAY_MS
    officer.sign_in("cold_chain_officer")
    later = text_of(officer, f"/cc/verdicts/{number}")
    assert re.search(r"Found \d+ Nov 2026 \d\d:\d\d, judged through \d+ Nov 2026", later)


def test_the_holdings_history_says_what_the_engine_did_in_words_and_by_its_verdict(
    officer: Browser, seeded: Stage
) -> None:
    number = number_of(seeded)
    with seeded.ledger.write() as conn:
        holdings.open_gap(conn, "H-58213", seeded.now_ms, "engine", seeded.now_ms)
        holdings.clear_gap(conn, "H-58213", "engine", "data covers the gap", seeded.now_ms)
    for prefix, engine in (("", "the engine"), ("/hi", "प्रणाली")):
        page = text_of(officer, f"{prefix}/cc/holdings/H-58213").partition('id="disposition"')[2]
        assert f'<a href="{prefix}/cc/verdicts/{number}">' in page
        assert page.count(engine) >= 2
        assert "data covers the gap" not in page, "the engine's English is for programs"


def test_usable_stock_says_through_when_it_was_judged_without_news(officer: Browser, seeded: Stage) -> None:
    assert "nothing new" not in text_of(officer, "/cc/holdings/H-58213")
    before = text_of(officer, "/cc/holdings/H-3")
    with seeded.ledger.write() as conn:
        stay = stock.stays_of(conn, "H-3")[-1]
        again_ms = seeded.now_ms - 1_000
        again = judgements.ApplianceJudgement(
            appliance_id=stay.appliance_id, judged_through_ms=again_ms, known_through_ms=again_ms, state="in_range"
        )
        judgement_writes.put_appliance_judgement(conn, again)
    after = text_of(officer, "/cc/holdings/H-3")
    assert before != after
    assert re.search(r"judged again through \d+ Nov \d\d:\d\d, nothing new", after)
    seeded.now_ms += HOUR_MS
    assert "nothing new" not in text_of(officer, "/cc/holdings/H-3"), "its gate is shut by now"


def test_the_charts_axis_names_the_day_at_midnight_alone(officer: Browser, seeded: Stage) -> None:
    for holding in ("H-58213", "H-1"):
        page = text_of(officer, f"/cc/verdicts/{number_of(seeded, holding)}")
        for picture in re.findall(r'<svg class="trace.*?</svg>', page, re.DOTALL):
            marks = re.findall(r'<text class="axis"[^>]*>([^<]*)</text>', picture)
            times = [mark for mark in marks if re.fullmatch(r"\d\d:\d\d|\d+ [A-Z][a-z]{2}", mark)]
            assert times
            assert len(times) == len(set(times)), times
            assert "00:00" not in times


def test_a_stay_says_from_when_until_when_in_both_languages(officer: Browser, seeded: Stage) -> None:
    number = number_of(seeded)
    assert re.search(r"\d+ Nov \d\d:\d\d until now · live readings", text_of(officer, f"/cc/verdicts/{number}"))
    assert re.search(r"\d+ नव॰ \d\d:\d\d से अब तक · सीधी रीडिंग", text_of(officer, f"/hi/cc/verdicts/{number}"))
