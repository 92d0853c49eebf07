"""An MQTT broker out of a wheel (iotcore's rumqttd), for the demo and the tests; not for production.

It listens on 127.0.0.1 only, for MQTT 5 and, on a port of its own, for 3.1.1; both meet in one router. It keeps
messages in memory, bounded, and drops the oldest beyond that: only ingest's application ack says "stored".
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from iotcore.iotcore import IotCoreBroker

if TYPE_CHECKING:
    from types import TracebackType

HOST = "127.0.0.1"
PORTS = range(20_000, 32_000)
"""Linux gives outgoing connections 32,768 and above, macOS 49,152: one of those may be gone before it is used."""
PORT_TRIES = 500
CONNECTIONS_MAX = 2_000
PAYLOAD_BYTES_MAX = 16 * 1024 * 1024
"""Above every size that ingest must be able to see and refuse by itself (10 MB in the fault matrix)."""
SEGMENT_BYTES_MAX = 16 * 1024 * 1024
SEGMENTS_MAX = 8
"""Memory kept for each subscription's log: the two multiplied."""
START_SECONDS_MAX = 10.0
STOP_SECONDS_MAX = 3.0
ROOT = Path(__file__).resolve().parent.parent


class EmbeddedBroker:
    """A broker in a child process that ends with this one; a context manager, `port` speaks MQTT 5.

    Port 0 takes a free one. `start` raises RuntimeError when the broker does not come up, as on a taken port.
    """

    def __init__(self, folder: Path, port: int = 0, port_v4: int = 0) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.port_v4 = port_v4 or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address that SHEETAL_BROKER_URL wants."""
        return f"mqtt://{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The child's process id, None while stopped."""
        return self._process.pid if self._process else None

    def start(self) -> Self:
        """Starts the broker and returns when both listeners answer; a second call does nothing."""
        if self._process is not None:
            return self
        command = [sys.executable, "-m", "demo.broker", "--until-input-ends", "--folder", str(self.folder)]
        command += ["--port", str(self.port), "--port-v4", str(self.port_v4)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (answers(self.port) and answers(self.port_v4)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the embedded broker did not start on ports {self.port} and {self.port_v4}")
            time.sleep(0.03)
        return self

    def stop(self) -> None:
        """Ends the broker; all it held is gone, as after a crash."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the broker without any warning; `start` brings an empty one back on the same ports."""
        self._end(signal.SIGKILL)

    def _end(self, signal_number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal_number)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def configuration(port: int, port_v4: int) -> str:
    """The rumqttd settings, as TOML."""
    return f"""id = 0

[router]
id = 0
max_connections = {CONNECTIONS_MAX}
max_outgoing_packet_count = 200
max_segment_size = {SEGMENT_BYTES_MAX}
max_segment_count = {SEGMENTS_MAX}
{_listener("v4", port_v4)}{_listener("v5", port)}"""


def _listener(version: str, port: int) -> str:
    return f"""
[{version}.1]
name = "{version}-1"
listen = "{HOST}:{port}"
next_connection_delay_ms = 1

[{version}.1.connections]
connection_timeout_ms = 60000
max_payload_size = {PAYLOAD_BYTES_MAX}
max_inflight_count = 1000
dynamic_filters = true
"""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listened on a moment ago, and that no outgoing connection is given."""
    for port in random.SystemRandom().sample(PORTS, PORT_TRIES):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise OSError(errno.EADDRINUSE, f"{PORT_TRIES} ports tried, none of them free")


def answers(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1:port."""
    try:
        with socket.create_connection((HOST, port), timeout=0.2):
            return True
    except OSError:
        return False


def serve(folder: Path, port: int, port_v4: int, *, until_input_ends: bool) -> int:
    """Runs the broker in this process until SIGTERM or SIGINT; the exit code is 2 when a port is taken."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"broker-{port}.toml"
    path.write_text(configuration(port, port_v4), encoding="utf-8")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # rumqttd opens an error-level span for each packet it routes; only its panics matter here.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    broker = IotCoreBroker(config_path=str(path))
    try:
        broker.check_ports()
    except OSError as error:
        print(f"the embedded broker cannot listen: {error}", file=sys.stderr)
        return 2
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    threading.Thread(target=broker.run_forever, daemon=True).start()
    if until_input_ends:
        threading.Thread(target=_exit_when_input_ends, daemon=True).start()
    signal.sigwait(signals)
    return 0


def _exit_when_input_ends() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> int:
    """The command line: `python -m demo.broker --port N`."""
    parser = argparse.ArgumentParser(prog="python -m demo.broker", description=__doc__)
    parser.add_argument("--port", type=int, default=1883, help="MQTT 5 (default 1883)")
    parser.add_argument("--port-v4", type=int, default=0, help="MQTT 3.1.1 (default: a free port)")
    parser.add_argument("--folder", type=Path, default=Path(".demo/broker"), help="where the settings file goes")
    parser.add_argument("--until-input-ends", action="store_true", help="also stop when standard input closes")
    asked = parser.parse_args()
    return serve(asked.folder, asked.port, asked.port_v4 or free_port(), until_input_ends=asked.until_input_ends)


if __name__ == "__main__":
    # The Rust threads cannot be joined; leaving at once is the clean end.
    os._exit(main())
