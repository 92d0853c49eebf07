"""The files that go along with a message: of a month's report its PDF and its CSV, made when it is sent."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING

from alerts.reports.regular import MONTHLY
from sheetal.reports.csv_file import to_csv
from sheetal.reports.month import read_month
from sheetal.reports.pdf import to_pdf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.deliveries import Told
    from sheetal.readings.port import ReadingsStore


class Enclosed:
    """Makes each file once, in a folder that comes with the first file and goes with `close`."""

    def __init__(self, ledger: Ledger, readings: ReadingsStore, clock: Clock) -> None:
        self._ledger = ledger
        self._readings = readings
        self._clock = clock
        self._turn = Lock()
        self._folder: TemporaryDirectory[str] | None = None

    def files(self, notices: Sequence[Told]) -> tuple[Path, ...]:
        """The files of these notices; raises Unavailable, NotFound and Refused."""
        found = [self._of(one.facility_id, str(one.facts["period"])) for one in notices if one.kind == MONTHLY]
        return tuple(file for files in found for file in files)

    def close(self) -> None:
        """Remove what was made."""
        with self._turn:
            if self._folder is not None:
                self._folder.cleanup()
            self._folder = None

    def _of(self, facility_id: str, period: str) -> tuple[Path, Path]:
        with self._turn:
            if self._folder is None:
                self._folder = TemporaryDirectory(prefix="sheetal-reports-")
            pdf = Path(self._folder.name) / f"{facility_id}-{period}.pdf"
            table = pdf.with_suffix(".csv")
            if not table.exists():
                with self._ledger.read() as conn:
                    month = read_month(conn, self._readings, facility_id, period, self._clock())
                pdf.write_bytes(to_pdf(month))
                table.write_text(to_csv(month), encoding="utf-8", newline="")
        return pdf, table
