from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_agent.replay.exposure_words import LINES_MAX, WHAT_IF, day_lines, report_lines
from edge_agent.sources.fridge_tag import parse_fridge_tag
from sheetal.contracts.batch import Batch, Row
from tests.edge_agent.exports import KOLKATA, Day, export
from tests.edge_agent.kit import GATEWAY, SENSOR, T0_MS
from tests.edge_agent.portal_kit import report_of

if TYPE_CHECKING:
    from sheetal.thermal.report import ExposureReport

MINUTE_MS = 60_000


def report(centi: list[int | None], step_minutes: int = 1) -> ExposureReport:
    rows = [
        Row(number, T0_MS + number * step_minutes * MINUTE_MS, SENSOR, value, 0 if value is not None else 1)
        for number, value in enumerate(centi)
    ]
    batch = Batch(gateway=GATEWAY, boot=1, sent_at_ms=T0_MS, rows=rows)
    return report_of([batch], SENSOR, T0_MS, rows[-1].measured_at_ms + 1 if rows else T0_MS + 1)


def words(centi: list[int | None], step_minutes: int = 1) -> str:
    return "\n".join(report_lines(report(centi, step_minutes), KOLKATA))


def test_a_quiet_log_says_so() -> None:
    text = words([450] * 61)
    assert "readings       61, 2026-09-21 19:43 to 2026-09-21 20:43 (60 min)" in text
    assert "min +4.5 °C, mean +4.50 °C, max +4.5 °C" in text
    assert "0 min; 0 gaps (a step of more than 3 min is a gap)" in text
    assert "beyond a limit never" in text
    assert "MKT            +4.50 °C over the whole span, coverage 100.0 %, ΔH 83.144 kJ/mol" in text


def test_a_frozen_log_holds_every_freeze_sensitive_product_and_is_marked_what_if() -> None:
    text = words([450] * 10 + [-120] * 70)
    assert "at or below -0.5 °C  " in text
    assert "confirmed 69 min, possible 70 min, extreme -1.2 °C, still so at the last reading" in text
    assert WHAT_IF in text
    lines = text.split("\n")
    sources = {line.strip()[:3]: line.strip() for line in lines if line.strip().startswith("[")}
    for product in ("Covishield ", "Covaxin ", "Pentavalent ", "Hepatitis B "):
        line = next(line for line in lines if line.strip().startswith(product))
        assert "HOLD: at or below -0.5 °C for 69 min confirmed" in line
        assert "default of" in sources[line[-3:]], "a rule that was reached names its source"
    assert len(sources) == len(set(sources.values())), "each source stands once"
    (polio,) = (line for line in lines if "bOPV" in line)
    assert "HOLD: above -15.0 °C for 79 min confirmed" in polio, "what is kept frozen was warm all the time"
    (measles,) = (line for line in lines if "(MR)" in line)
    assert "HOLD" not in measles, "what may freeze is not held for it"


def test_a_gap_is_told_with_its_span_and_counted_as_unknown() -> None:
    rows: list[int | None] = [450] * 30 + [None] * 30 + [450] * 30
    text = words(rows)
    assert "unknown time   31 min; 1 gap (a step of more than 3 min is a gap)" in text
    assert "    gap  2026-09-21 20:12 to 2026-09-21 20:43 (31 min)" in text


def test_many_runs_are_counted_and_only_the_first_are_listed() -> None:
    text = words([450, 450, 900, 900] * (LINES_MAX + 5))
    assert f"{LINES_MAX + 5} runs" in text
    assert text.count("above +8.0 °C  ") == LINES_MAX
    assert "    and 5 more" in text


def test_no_reading_at_all_still_gives_a_verdict_on_nothing() -> None:
    text = words([])
    assert "readings       none" in text
    assert "MKT" not in text
    assert "no data: nothing can be confirmed" in text


def test_a_portal_without_products_says_so() -> None:
    bare = msgspec.structs.replace(report([450]), what_if=[])
    assert report_lines(bare, KOLKATA)[-1] == "    the catalogue has no product"


def test_too_little_data_has_no_mean_kinetic_temperature() -> None:
    text = words([450] * 5 + [None] * 60 + [450] * 5)
    assert "MKT            insufficient data: coverage 1" in text


def test_long_spans_are_told_in_days_and_hours() -> None:
    assert "(4 d 4 h 0 min)" in words([450] * 101, step_minutes=60)


@pytest.mark.parametrize("step", [1, 5, 15])
def test_the_cap_is_told_in_minutes(step: int) -> None:
    assert f"more than {3 * step} min is a gap" in words([450] * 30, step)


def test_days_are_told_oldest_first_with_their_alarms() -> None:
    file = parse_fridge_tag(
        export(
            Day("2026-03-02", high="+9.0", above="t Acc: 300, TS A: 00:00, C A: 0"),
            Day("2026-03-01", high="+12.0", above="t Acc: 900, TS A: 14:05, C A: 0"),
            Day("2026-02-28", low="---", below="t Acc: 61, TS A: 03:00, C A: 1", timeout="720"),
        ).encode(),
        KOLKATA,
    )
    head, first, second, third = day_lines(file.days, KOLKATA)
    assert head.strip() == "day summaries  3, 2026-02-28 to 2026-03-02"
    assert first.strip() == (
        "2026-02-28  min no value, max +6.1 °C; 61 min below, 0 min above, 720 min unknown; low alarm 03:00"
    )
    assert second.endswith("0 min below, 900 min above, 0 min unknown; high alarm 14:05")
    assert third.endswith("300 min above, 0 min unknown; high alarm goes on")


def test_a_run_that_is_printed_again_at_midnight_is_not_a_second_alarm() -> None:
    alone = parse_fridge_tag(export(Day("2026-03-02", above="t Acc: 300, TS A: 00:00, C A: 0")).encode(), KOLKATA)
    assert day_lines(alone.days, KOLKATA)[1].endswith("high alarm 00:00")


def test_no_days_are_no_lines() -> None:
    assert day_lines([], KOLKATA) == []
