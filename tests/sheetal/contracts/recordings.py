"""The recorded messages of released versions of the wire; see wire/README.md."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sheetal.contracts.topics import Channel

FOLDER = Path(__file__).parent / "wire"
RELEASED = FOLDER / "released.sha256"
KEY = "key.hex"
CHANNELS = {"ack-alarm": Channel.ALARM_ACK} | {
    channel.value: channel for channel in Channel if channel is not Channel.ALARM_ACK
}


class Recording(NamedTuple):
    """One message as it travelled."""

    version: str
    name: str
    channel: Channel
    payload: bytes
    key: bytes


def versions() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def recordings(*channels: Channel) -> list[Recording]:
    """Every message on these channels, of every version; all channels where none is named."""
    found = []
    for version in versions():
        key = bytes.fromhex((FOLDER / version / KEY).read_text())
        for path in sorted((FOLDER / version).glob("*.json")):
            channel = channel_of(path.stem)
            if not channels or channel in channels:
                found.append(Recording(version, path.stem, channel, path.read_bytes(), key))
    return found


def channel_of(name: str) -> Channel:
    """By the longest channel that the file's name begins with."""
    fitting = [known for known in CHANNELS if name == known or name.startswith(known + "-")]
    return CHANNELS[max(fitting, key=len)]


def name_of(recording: Recording) -> str:
    """For a test's id."""
    return f"{recording.version}/{recording.name}"
