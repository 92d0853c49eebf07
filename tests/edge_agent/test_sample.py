from __future__ import annotations

import msgspec

from edge_agent.sample import DaySummaryDraft, Observation, Sample
from sheetal.contracts.batch import DaySummary


def test_a_draft_is_a_day_summary_without_its_sequence() -> None:
    drafted = [(field.name, field.type, field.default) for field in msgspec.structs.fields(DaySummaryDraft)]
    real = [(field.name, field.type, field.default) for field in msgspec.structs.fields(DaySummary)]
    assert real[0][0] == "sequence"
    assert drafted == real[1:]


def test_a_sample_is_ordinary_unless_said_otherwise() -> None:
    assert not Sample("g.s", 1, 2, 0).notable
    assert Observation() == Observation(samples=(), aux=(), repeated=False, discontinuity=False, marks={})
