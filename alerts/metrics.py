"""The numbers of this service: what the process has done, and what waits in the ledger; read when Prometheus asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.ledger import workload
from sheetal.metrics import Kind, Metric, MetricsPage, remembered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.engine import Engine
    from alerts.listener import Listener
    from alerts.subscriber import Subscriber
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger
    from sheetal.metrics import Sample

LEADER = Metric("sheetal_alerts_leader", "1 in the process that judges, 0 in one that stands by.", Kind.GAUGE)
PROBLEM = Metric("sheetal_alerts_stopped", "1 while something keeps this process from judging.", Kind.GAUGE)
ROUNDS = Metric("sheetal_alerts_rounds_total", "Rounds of judging that ended well.", Kind.COUNTER)
ROUNDS_FAILED = Metric("sheetal_alerts_rounds_failed_total", "Rounds that could not be ended.", Kind.COUNTER)
ROUND_SECONDS = Metric("sheetal_alerts_round_seconds", "How long a round of judging took.", Kind.HISTOGRAM)
TURN_AGE = Metric("sheetal_alerts_last_round_age_seconds", "Since the last round that ended well.", Kind.GAUGE)
HOURS = Metric("sheetal_alerts_hours_judged_total", "Hours of sensors that were judged.", Kind.COUNTER)
VERDICTS = Metric("sheetal_alerts_verdicts_total", "Verdicts committed, by finding.", Kind.COUNTER, ("finding",))
HELD = Metric("sheetal_alerts_holdings_held_total", "Holdings newly held.", Kind.COUNTER)
UNJUDGED = Metric(
    "sheetal_alerts_holdings_failed_total", "Holdings that could not be judged, once for each round.", Kind.COUNTER
)
SUBSCRIBED = Metric("sheetal_alerts_broker_connected", "1 while the broker has granted the subscriptions.", Kind.GAUGE)
CONNECTIONS = Metric("sheetal_alerts_broker_connections_total", "Connections to the broker so far.", Kind.COUNTER)
REFUSED = Metric("sheetal_alerts_messages_refused_total", "Messages of gateways that were not believed.", Kind.COUNTER)
DROPPED = Metric("sheetal_alerts_messages_dropped_total", "Messages too large, or that found no room.", Kind.COUNTER)
SENT = Metric("sheetal_alerts_notices_sent_total", "Notices that a channel took.", Kind.COUNTER)

DIRTY = Metric("sheetal_alerts_dirty_hours", "Hours of sensors that wait to be judged.", Kind.GAUGE)
MARKS = Metric("sheetal_alerts_rejudge_marks", "Ledger acts that wait to be judged; their gates are shut.", Kind.GAUGE)
MARK_AGE = Metric("sheetal_alerts_oldest_rejudge_mark_age_seconds", "Age of the oldest of them.", Kind.GAUGE)
LAG = Metric(
    "sheetal_alerts_judged_through_lag_seconds",
    "How far the appliance judged least is behind the clock; past 600 its gate is shut.",
    Kind.GAUGE,
)
TOO_OLD = Metric(
    "sheetal_alerts_appliances_judged_too_long_ago", "Appliances whose gate is shut for want of judging.", Kind.GAUGE
)
APPLIANCES = Metric("sheetal_alerts_appliances", "Appliances, by state.", Kind.GAUGE, ("state",))
WAITING = Metric("sheetal_alerts_notices_waiting", "Notices that no channel has taken yet.", Kind.GAUGE)
FAILING = Metric("sheetal_alerts_notices_failing", "Those of them that were tried in vain.", Kind.GAUGE)
NOTICE_AGE = Metric("sheetal_alerts_oldest_notice_age_seconds", "Age of the oldest notice that waits.", Kind.GAUGE)
ALARMS = Metric("sheetal_alerts_device_alarms", "Active alarms, of gateways and of the server's rules.", Kind.GAUGE)
UNANSWERED = Metric(
    "sheetal_alerts_device_alarms_unacknowledged", "Those of them that nobody has acknowledged.", Kind.GAUGE
)
SEAL_AGE = Metric("sheetal_alerts_seal_age_seconds", "Since the audit chains were last sealed.", Kind.GAUGE)
DOWNLINKS = Metric("sheetal_alerts_downlinks_waiting", "Configurations and orders not yet at the broker.", Kind.GAUGE)
GATEWAYS = Metric("sheetal_alerts_gateways", "Gateways that have said whether they are there.", Kind.GAUGE, ("link",))

METRICS = (
    *(LEADER, PROBLEM, ROUNDS, ROUNDS_FAILED, ROUND_SECONDS, TURN_AGE, HOURS, VERDICTS, HELD, UNJUDGED),
    *(SUBSCRIBED, CONNECTIONS, REFUSED, DROPPED, SENT),
    *(DIRTY, MARKS, MARK_AGE, LAG, TOO_OLD, APPLIANCES, WAITING, FAILING, NOTICE_AGE),
    *(ALARMS, UNANSWERED, SEAL_AGE, DOWNLINKS, GATEWAYS),
)


class Watched:
    """What the numbers are read from."""

    def __init__(
        self, engine: Engine, subscriber: Subscriber, listener: Listener, stores: tuple[Ledger, Ledger], clock: Clock
    ) -> None:
        self._engine = engine
        self._subscriber = subscriber
        self._listener = listener
        self._ledger, self._telemetry = stores
        self._clock = clock
        self._began_ms = clock()

    def page(self) -> MetricsPage:
        """The service's page; each store is asked at most once in five seconds."""
        sources = {
            "process": self.of_process,
            "ledger": remembered(lambda: list(self.of_ledger())),
            "telemetry": remembered(lambda: list(self.of_telemetry())),
        }
        return MetricsPage("alerts", sources)

    def of_process(self) -> Iterator[Sample]:
        """From counters alone."""
        engine, counts = self._engine, self._engine.counts
        yield LEADER.of(engine.is_leader)
        yield PROBLEM.of(engine.problem is not None)
        yield ROUNDS.of(counts.rounds)
        yield ROUNDS_FAILED.of(counts.rounds_failed)
        yield ROUND_SECONDS.of(counts.round_seconds)
        yield self._age(TURN_AGE, engine.judged_at_ms or self._began_ms)
        yield HOURS.of(counts.hours_judged)
        yield HELD.of(counts.holdings_held)
        yield UNJUDGED.of(counts.holdings_failed)
        for words, times in counts.verdicts.items():
            yield VERDICTS.of(times, *words)
        yield SUBSCRIBED.of(self._subscriber.is_subscribed)
        yield CONNECTIONS.of(self._subscriber.connections)
        yield REFUSED.of(self._listener.refused)
        yield DROPPED.of(self._subscriber.dropped)
        yield SENT.of(counts.notices_sent)

    def of_ledger(self) -> Iterator[Sample]:
        """What waits in the ledger; raises Unavailable."""
        with self._ledger.read() as conn:
            marks, notices = workload.rejudge_marks(conn), workload.unsent_notices(conn, self._clock())
            judged, alarms = workload.judged(conn, self._clock()), workload.standing_alarms(conn)
            sealed_ms, downlinks = workload.newest_seal_ms(conn), workload.unpublished_downlinks(conn)
            links = workload.gateways_by_link(conn)
        yield MARKS.of(marks.waiting)
        yield self._age(MARK_AGE, marks.oldest_ms)
        yield self._age(LAG, judged.furthest_behind_ms)
        yield TOO_OLD.of(judged.too_old)
        for state, number in judged.by_state.items():
            yield APPLIANCES.of(number, state)
        yield WAITING.of(notices.waiting)
        yield FAILING.of(notices.failing)
        yield self._age(NOTICE_AGE, notices.oldest_ms)
        yield ALARMS.of(alarms.standing)
        yield UNANSWERED.of(alarms.unacknowledged)
        yield self._age(SEAL_AGE, sealed_ms or self._began_ms)
        yield DOWNLINKS.of(downlinks)
        yield GATEWAYS.of(links.get(True, 0), "online")
        yield GATEWAYS.of(links.get(False, 0), "offline")

    def of_telemetry(self) -> Iterator[Sample]:
        """What waits in ingest's tables; raises Unavailable."""
        with self._telemetry.read() as conn:
            yield DIRTY.of(workload.dirty_hours(conn))

    def _age(self, metric: Metric, since_ms: int | None) -> Sample:
        """Zero where there is nothing that could be old."""
        return metric.of(0.0 if since_ms is None else max(0.0, (self._clock() - since_ms) / 1000))
