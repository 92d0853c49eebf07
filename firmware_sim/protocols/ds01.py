"""DS01 records as JSON lines over TCP: the field names and units of the WHO's equipment monitoring data standard.

On connect a client gets every stored record, oldest first, then live ones as they come. Nothing is read from it.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firmware_sim.appliance import Sample
    from firmware_sim.backlog import Backlog
    from firmware_sim.scenario import ApplianceSpec

CLIENTS_MAX = 16
LINES_PER_WRITE = 500
_READ_BYTES = 1_024

OPEN_CIRCUIT_CELSIUS = -127.0
"""What a DS18B20's driver hands up when the probe does not answer: believing it means a deep freeze."""


class Ds01Record(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """One record; a field is null when it is not measured or has no value."""

    abst: str | None
    relt: str
    rtcw: str
    aser: str
    lser: str
    tvc: float | None
    tfrz: float | None
    tamb: float
    cmpr: float
    dorv: int | None
    dorf: int | None
    sva: int
    hold: float
    bemd: float
    alrm: str | None
    lerr: str | None


def encode(spec: ApplianceSpec, sample: Sample) -> bytes:
    """One line; extra probes stand under field names of their own."""
    frozen_compartment = spec.field == "TFRZ"
    celsius = _celsius(sample.reported_celsius)
    absolute_ms, relative_ms, restarted_ms = sample.clock
    record = Ds01Record(
        abst=None if absolute_ms is None else absolute_time(absolute_ms),
        relt=duration(relative_ms),
        rtcw="PT0S" if restarted_ms == 0 else duration(restarted_ms),
        aser=spec.serial,
        lser=f"L-{spec.serial}",
        tvc=None if frozen_compartment else celsius,
        tfrz=celsius if frozen_compartment else None,
        tamb=sample.ambient_celsius,
        cmpr=sample.compressor_minutes,
        dorv=None if frozen_compartment else sample.door_seconds,
        dorf=sample.door_seconds if frozen_compartment else None,
        sva=sample.mains_seconds,
        hold=sample.holdover_days,
        bemd=sample.battery_days,
        alrm=" ".join(sample.alarms) or None,
        lerr="OPEN" if sample.reported_celsius is None else None,
    )
    if not spec.extra_probes:
        return msgspec.json.encode(record) + b"\n"
    extra = zip(spec.extra_probes, sample.probes[1:], strict=True)
    fields = msgspec.to_builtins(record) | {probe.field: _celsius(report.celsius) for probe, report in extra}
    return msgspec.json.encode(fields) + b"\n"


def _celsius(reported_celsius: float | None) -> float:
    return OPEN_CIRCUIT_CELSIUS if reported_celsius is None else reported_celsius


def absolute_time(at_ms: int) -> str:
    """The basic format of DS01: `20260115T040554Z`."""
    return datetime.fromtimestamp(at_ms // 1_000, UTC).strftime("%Y%m%dT%H%M%SZ")


def duration(span_ms: int) -> str:
    """An ISO-8601 duration in days, hours, minutes and seconds: `P3DT12H5M32S`."""
    minutes, seconds = divmod(span_ms // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"P{days}DT{hours}H{minutes}M{seconds}S"


class Lines(Protocol):
    """Where a hub's records stand; see `backlog.Backlog`."""

    def since(self, position: int, lines_max: int) -> tuple[Sequence[bytes], int]:
        """Lines from a position on, and the position after them."""


class Ds01Voice:
    """A hub that keeps its records and streams them from a TCP port."""

    def __init__(self, backlog: Backlog, host: str, port: int) -> None:
        self._backlog = backlog
        self._address = (host, port)
        self._server = HubServer(backlog)

    async def open(self) -> str:
        """Opens the port; raises OSError when it is taken."""
        await self._server.listen(*self._address)
        return "{}:{}".format(*self._address)

    def tell(self, spec: ApplianceSpec, sample: Sample) -> None:
        """Adds a line; a logger that is restarting writes none."""
        if sample.recorded:
            self._backlog.append(encode(spec, sample))

    def announce(self) -> None:
        """Wakes the waiting clients."""
        self._server.announce()

    async def close(self) -> None:
        """Lets every client go."""
        await self._server.close()


class HubServer:
    """One hub's listening port; `announce` wakes its clients when records were added."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._more = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> int:
        """Opens the port and returns it (0 asks for a free one); raises OSError when it is taken."""
        self._server = await asyncio.start_server(self._accept, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def announce(self) -> None:
        """Tells every waiting client that there may be more."""
        self._more.set()
        self._more = asyncio.Event()

    async def close(self) -> None:
        """Stops listening and lets every client go."""
        if self._server:
            self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        try:
            if me and len(self._clients) < CLIENTS_MAX:
                self._clients.add(me)
                await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            if me:
                self._clients.discard(me)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Ends when the client goes: by closing its side, or by a failing write."""
        gone = asyncio.create_task(_until_closed(reader))
        sending = asyncio.create_task(self._send(writer))
        try:
            done, _ = await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (gone, sending):
                task.cancel()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await task

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        position = 0
        while True:
            more = self._more
            lines, position = self._lines.since(position, LINES_PER_WRITE)
            if lines:
                writer.write(b"".join(lines))
                await writer.drain()
            else:
                await more.wait()


async def _until_closed(reader: asyncio.StreamReader) -> None:
    while await reader.read(_READ_BYTES):
        pass
