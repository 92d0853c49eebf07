from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_agent.remote.twin import proved, tried
from edge_agent.remote.twin_file import Memory, Twin, TwinFile
from sheetal.contracts.twin import CommandKind, Outcome

ROOT = Path(__file__).resolve().parents[3]
HELD = Memory(
    twin=proved(tried(Twin(), 7, '{"source":[]}')),
    outcomes=(Outcome(id="a", kind=CommandKind.IDENTIFY, at_ms=5, done=True, detail="shown"),),
)
WRITER = """
import sys
from pathlib import Path
from edge_agent.remote.twin import Twin, tried
from edge_agent.remote.twin_file import Memory, TwinFile
file = TwinFile(Path(sys.argv[1]))
for version in range(1, 1_000_000):
    file.save(Memory(twin=tried(Twin(), version, str(version) * 2_000)))
"""


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    file = TwinFile(tmp_path / "outbox.twin.json")
    assert file.load() == Memory()
    file.save(HELD)
    assert TwinFile(tmp_path / "outbox.twin.json").load() == HELD
    file.save(Memory())
    assert file.load() == Memory()
    assert [path.name for path in tmp_path.iterdir()] == ["outbox.twin.json"]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"twin":{"version":"x"}}', b"\xff\xfe", b'{"outcomes":3}'])
def test_a_file_that_cannot_be_understood_is_set_aside(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "outbox.twin.json"
    path.write_bytes(text)
    assert TwinFile(path).load() == Memory()
    assert (tmp_path / "outbox.twin.json.unreadable").read_bytes() == text
    TwinFile(path).save(HELD)
    assert TwinFile(path).load() == HELD


def test_one_that_cannot_even_be_set_aside_keeps_no_gateway_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "outbox.twin.json"
    path.write_bytes(b"{")
    (tmp_path / "outbox.twin.json.unreadable").mkdir()
    assert TwinFile(path).load() == Memory()


def test_a_full_disk_is_told_and_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "outbox.twin.json"
    file = TwinFile(path)
    file.save(HELD)
    (tmp_path / "outbox.twin.json.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        file.save(Memory())
    assert file.load() == HELD


def test_half_a_new_file_is_never_taken_for_the_twin(tmp_path: Path) -> None:
    path = tmp_path / "outbox.twin.json"
    TwinFile(path).save(HELD)
    (tmp_path / "outbox.twin.json.new").write_bytes(b'{"twin":{"vers')
    assert TwinFile(path).load() == HELD


def test_a_process_killed_while_it_saves_leaves_a_whole_twin(tmp_path: Path) -> None:
    path = tmp_path / "outbox.twin.json"
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=ROOT, env=os.environ) as process:
            deadline = time.monotonic() + 20
            while not path.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
        twin = TwinFile(path).load().twin
        assert twin.version >= 1
        assert twin.trial == str(twin.version) * 2_000
        path.unlink()
