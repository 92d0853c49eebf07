from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.notify.announce import announce
from alerts.notify.post import PostOffice
from alerts.reports.enclosed import Enclosed
from alerts.reports.regular import MONTHLY
from sheetal.ledger import judgement_writes
from tests.alerts.given import FACILITY, T0, at
from tests.alerts.notify.told import add_contact, told

if TYPE_CHECKING:
    from alerts.notify.message import Message
    from tests.alerts.given import World

MONTH = told(1, MONTHLY, facts={"period": "2026-11"})


def test_a_report_goes_along_as_pdf_and_csv_and_is_made_once(world: World) -> None:
    world.feed((0, 60, 450))
    enclosed = Enclosed(world.ledger, world.readings, lambda: at(60))
    pdf, table = enclosed.files([MONTH, told(2)])
    assert pdf.read_bytes().startswith(b"%PDF-1.")
    assert table.read_text().startswith("facility_id,")
    assert (pdf.name, table.name) == (f"{FACILITY}-2026-11.pdf", f"{FACILITY}-2026-11.csv")
    made_ns = pdf.stat().st_mtime_ns
    assert enclosed.files([MONTH]) == (pdf, table)
    assert pdf.stat().st_mtime_ns == made_ns
    enclosed.close()
    assert not pdf.exists()
    enclosed.close()


def test_other_notices_bring_no_file(world: World) -> None:
    assert Enclosed(world.ledger, world.readings, lambda: at(0)).files([told(1), told(2)]) == ()


def test_a_mail_brings_the_files_along(world: World) -> None:
    heard: list[tuple[str, ...]] = []

    def send(_address: str, message: Message) -> str | None:
        heard.append(tuple(file.suffix for file in message.attachments if file.exists()))
        return None

    add_contact(world)
    with world.ledger.write() as conn:
        judgement_writes.add_notice(conn, "m", MONTHLY, FACILITY, {"period": "2026-11"}, T0)
    announce(world.ledger, lambda _shown: None, T0)
    enclosed = Enclosed(world.ledger, world.readings, lambda: at(60))
    office = PostOffice(world.ledger, world.cipher, send, lambda: at(60), enclosed.files)
    assert office.round() == 1
    assert office.wait(30)
    enclosed.close()
    assert heard == [(".pdf", ".csv")]
