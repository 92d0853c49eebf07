from __future__ import annotations

import msgspec
import pytest

from sheetal.contracts.twin import Command, CommandKind, Desired, Outcome, Reported, TwinState


def test_a_desired_configuration_keeps_its_bytes_as_they_were_written() -> None:
    written = b'{"gateway":"gw-01","version":3,"issued_at_ms":5,"config":{"source": [ ]}}'
    desired = msgspec.json.decode(written, type=Desired)
    assert (desired.version, bytes(desired.config)) == (3, b'{"source": [ ]}')


def test_a_reported_twin_survives_the_wire() -> None:
    outcome = Outcome(id="c-1", kind=CommandKind.RESEND, at_ms=9, done=True, detail="12 items")
    reported = Reported(
        gateway="gw-01",
        boot=7,
        at_ms=10,
        version=3,
        state=TwinState.ROLLED_BACK,
        problem="no answer in 120 s",
        config=msgspec.Raw(b"{}"),
        outcomes=[outcome],
    )
    again = msgspec.json.decode(msgspec.json.encode(reported), type=Reported)
    assert (again.state, again.outcomes, bytes(again.config)) == (TwinState.ROLLED_BACK, [outcome], b"{}")


@pytest.mark.parametrize("kind", ["reboot", "", None])
def test_an_unknown_command_is_no_command(kind: str | None) -> None:
    written = {"id": "c-1", "gateway": "gw-01", "kind": kind, "issued_at_ms": 1, "expires_at_ms": 2}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(written), type=Command)


def test_what_a_newer_version_adds_is_ignored() -> None:
    written = b'{"id":"c","gateway":"g","kind":"identify","issued_at_ms":1,"expires_at_ms":2,"colour":"red"}'
    assert msgspec.json.decode(written, type=Command).kind is CommandKind.IDENTIFY


def test_an_order_of_an_earlier_release_has_no_ranges() -> None:
    written = b'{"id":"c","gateway":"g","kind":"resend","issued_at_ms":1,"expires_at_ms":2,"from_ms":1,"until_ms":2}'
    read = msgspec.json.decode(written, type=Command)
    assert (read.settled_from_ms, read.ranges) == (None, [])
