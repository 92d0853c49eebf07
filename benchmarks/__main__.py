"""Run every benchmark, or those named on the command line, and keep their figures."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks import (
    decode_rate,
    edge_idle,
    edge_start,
    embedded_size,
    exposure_rate,
    gate_throughput,
    ingest_end_to_end,
    ingest_single,
    latest_values,
    outbox_ratio,
    reading_to_hold,
    sim_realtime,
    verdict_rejudge,
    warning_backtest,
)
from benchmarks.record import BENCHMARKS, Figure, keep

if TYPE_CHECKING:
    from collections.abc import Callable

BENCHES: dict[str, Callable[[], Figure]] = {
    "ingest.e2e60_over_loaded_bulk": ingest_end_to_end.measure_over_loaded_bulk,
    "ingest.e2e60_over_idle_bulk": ingest_end_to_end.measure_over_idle_bulk,
    "ingest.end_to_end_over_store_bulk": ingest_end_to_end.measure_ten,
    "readings.embedded_over_write": ingest_end_to_end.measure_embedded,
    "ingest.decode_readings_per_core": decode_rate.measure,
    "ingest.single_over_paho": ingest_single.measure,
    "gate.throughput_over_same_sql_sqlite": gate_throughput.measure,
    "edge.outbox_over_sqlite_full": outbox_ratio.measure,
    "edge.idle_rss_mb": edge_idle.measure_rss,
    "edge.idle_cpu_percent": edge_idle.measure_cpu,
    "edge.start_seconds": edge_start.measure,
    "readings.embedded_rows_per_s_at_10m": embedded_size.measure_rate,
    "readings.last_24h_ms": embedded_size.measure_last_day,
    "ledger.latest_10000_ms": latest_values.measure,
    "exposure.share_of_bare_numpy": exposure_rate.measure_share,
    "exposure.readings_per_core": exposure_rate.measure_rate,
    "sim.appliances_realtime_ratio": sim_realtime.measure,
    "verdict.rejudge_10000_seconds": verdict_rejudge.measure,
    "verdict.reading_to_hold_p99_seconds": reading_to_hold.measure,
    "warning.median_error_minutes": warning_backtest.measure,
}


def main(names: list[str]) -> int:
    """Measure and keep; unknown names are told, exit code 2."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHES)}")
        return 2
    for name in names or BENCHES:
        print(f"{name} …", flush=True)
        figure = BENCHES[name]()
        keep(BENCHMARKS, name, figure)
        print(f"  {figure.value:.2f} {figure.unit} of {figure.limit} ({figure.limit_value:,.0f}), runs {figure.runs}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
