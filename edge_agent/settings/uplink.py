"""The `[uplink]` and `[remote]` sections of the gateway's settings: how messages travel, and how long a trial lasts."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

Bound = tuple[str, float, float, float]
"""A number's key, its value, the lowest and the highest allowed one."""


class DepartureRule(NamedTuple):
    """When fresh items leave and how much one message carries (DESIGN section 5)."""

    rows: int = 10
    age_ms: int = 60_000
    fresh_ms: int = 600_000
    items_max: int = 500


class UplinkSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How messages travel; the defaults are DESIGN section 5's.

    History goes at `backlog_rows_per_second`, so that a fleet that was cut off does not come back all at once; 0 is
    as fast as it can.
    """

    message_rows: int = 10
    message_age_seconds: float = 60.0
    fresh_seconds: float = 600.0
    batch_items_max: int = 500
    batches_in_flight_max: int = 8
    backlog_rows_per_second: float = 500.0
    resend_seconds: float = 30.0
    resend_jitter_seconds: float = 6.0
    reconnect_seconds_min: int = 1
    reconnect_seconds_max: int = 60

    @property
    def departure(self) -> DepartureRule:
        """When a message goes."""
        return DepartureRule(
            rows=self.message_rows,
            age_ms=round(self.message_age_seconds * 1_000),
            fresh_ms=round(self.fresh_seconds * 1_000),
            items_max=self.batch_items_max,
        )

    def bounds(self) -> list[Bound]:
        """What is allowed."""
        return [
            ("uplink.message_rows", self.message_rows, 1, 500),
            ("uplink.message_age_seconds", self.message_age_seconds, 0, 3_600),
            ("uplink.fresh_seconds", self.fresh_seconds, 1, 86_400),
            ("uplink.batch_items_max", self.batch_items_max, 1, 500),
            ("uplink.batches_in_flight_max", self.batches_in_flight_max, 1, 64),
            ("uplink.backlog_rows_per_second", self.backlog_rows_per_second, 0, 1_000_000),
            ("uplink.resend_seconds", self.resend_seconds, 0.1, 3_600),
            ("uplink.resend_jitter_seconds", self.resend_jitter_seconds, 0, self.resend_seconds),
            ("uplink.reconnect_seconds_min", self.reconnect_seconds_min, 1, 3_600),
            ("uplink.reconnect_seconds_max", self.reconnect_seconds_max, self.reconnect_seconds_min, 3_600),
        ]


class RemoteSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A configuration from afar must bring an answer from ingest within `trial_seconds`, or it is rolled back."""

    trial_seconds: float = 120.0

    def bounds(self) -> list[Bound]:
        """What is allowed."""
        return [("remote.trial_seconds", self.trial_seconds, 1, 3_600)]
