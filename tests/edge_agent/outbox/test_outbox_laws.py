"""The law of a full outbox: nothing notable leaves unsettled, every number is explained, the bound holds."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_agent.outbox.outbox import Intake, Outbox, OutboxFull
from edge_agent.outbox.parcel import QUARTER_MS, spans
from edge_agent.sample import AuxSample, Sample
from sheetal.contracts.batch import Ack, RefusedRange
from tests.edge_agent.kit import GATEWAY, T0_MS

SOME_DAY_MS = T0_MS - T0_MS % QUARTER_MS


class FullMachine(RuleBasedStateMachine):
    """Whatever comes, is answered or refused: nothing notable leaves unsettled, and every number is explained."""

    ROWS_MAX = 200
    INTAKE_MAX = 60

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.at_ms = SOME_DAY_MS
        self.path = Path(self.folder.name) / "o.db"
        self.box = self.open()
        self.opened = [self.box]
        self.notable: dict[int, set[int]] = {}
        self.given: dict[int, int] = {}
        self.settled: dict[int, set[int]] = {}

    def open(self) -> Outbox:
        return Outbox(self.path, clock=lambda: self.at_ms, rows_max=self.ROWS_MAX, bytes_max=10**9)

    @rule(
        pattern=st.lists(st.sampled_from([450, 450, 450, 450, 460, 900, None]), min_size=1, max_size=12),
        count=st.integers(20, INTAKE_MAX),
        aux=st.booleans(),
    )
    def add(self, pattern: list[int | None], count: int, aux: bool) -> None:  # noqa: FBT001 - drawn
        values = [pattern[number % len(pattern)] for number in range(count)]
        taken = []
        for number, value in enumerate(values):
            hot = value == 900 or (value is None and number % 7 == 0)
            taken.append(Sample(f"{GATEWAY}.s{number % 2}", self.at_ms + number * 20_000, value, 0, hot))
        beside = [AuxSample(f"{GATEWAY}.a", self.at_ms + n, "TAMB", 1.0) for n in range(3)] if aux else []
        try:
            self.box.add(Intake(rows=taken, aux=beside))
        except OutboxFull:
            assert sum(self.box.counts()[:3]) >= self.ROWS_MAX - self.ROWS_MAX // 100
            return
        self.at_ms += len(values) * 20_000
        kept = self.kept("notable = 1 AND kind = 'row'")
        self.notable.setdefault(self.box.boot, set()).update(kept.get(self.box.boot, set()))

    @precondition(lambda self: self.given)
    @rule(data=st.data(), refuse=st.booleans())
    def answer(self, data: st.DataObject, refuse: bool) -> None:  # noqa: FBT001 - drawn
        parcel = self.box.next_batch(self.at_ms + 10**10)
        if parcel is None:
            return
        chosen = data.draw(st.lists(st.sampled_from(parcel.items), unique=True))
        named = [(item.sequence, item.sequence) for item in chosen]
        ack = Ack(gateway=GATEWAY, boot=parcel.boot, stored=named)
        if refuse:
            ack = Ack(gateway=GATEWAY, boot=parcel.boot, refused=[RefusedRange(a, b, "x") for a, b in named])
        self.box.apply_ack(ack)
        self.settled.setdefault(parcel.boot, set()).update(item.sequence for item in chosen)

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.at_ms += hours * 3_600_000
        self.box.next_batch(self.at_ms + 10**10, backlog=False)

    @rule()
    def crash(self) -> None:
        self.box = self.open()
        self.opened.append(self.box)

    def kept(self, where: str) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for boot, sequence in self.box._connection.execute(f"SELECT boot, sequence FROM item WHERE {where}"):  # noqa: S608 - a test's own words
            found.setdefault(boot, set()).add(sequence)
        return found

    @invariant()
    def the_bound_holds_but_for_one_intake(self) -> None:
        counts = self.box.counts()
        held = sum(map(len, self.kept("1").values()))
        assert sum(counts[:3]) == held
        assert held < self.ROWS_MAX + self.INTAKE_MAX + 3

    @invariant()
    def nothing_notable_leaves_unsettled(self) -> None:
        pending = self.kept("state = 0")
        for boot, numbers in self.notable.items():
            assert numbers <= pending.get(boot, set()) | self.settled.get(boot, set())

    @invariant()
    def every_number_is_explained(self) -> None:
        present = self.kept("1")
        self.given[self.box.boot] = self.box._sequence
        covered: dict[int, set[int]] = {}
        for (body,) in self.box._connection.execute("SELECT body FROM item WHERE kind = 'thinned'"):
            span = spans.decode(body)
            numbers = {number for first, last in span.covers for number in range(first, last + 1)}
            assert len(numbers) == span.rows
            assert not numbers & covered.get(span.covers_boot, set())
            covered.setdefault(span.covers_boot, set()).update(numbers)
        unexplained = sum(
            len(
                set(range(1, last + 1))
                - present.get(boot, set())
                - covered.get(boot, set())
                - self.settled.get(boot, set())
            )
            for boot, last in self.given.items()
        )
        gone_with_their_span = self.box.counts().thinned - sum(map(len, covered.values()))
        assert unexplained <= self.box.counts().dropped + gone_with_their_span
        if not gone_with_their_span:
            assert unexplained == self.box.counts().dropped

    def teardown(self) -> None:
        for box in self.opened:
            box.close()
        self.folder.cleanup()


TestFullMachine = FullMachine.TestCase
TestFullMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
