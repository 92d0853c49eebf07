"""Keeps the twin beside the outbox, so that a power cut at any instant leaves the old one or the new one, whole."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from edge_agent.remote.twin import Twin
from sheetal.contracts.seal import UNREADABLE
from sheetal.contracts.twin import Outcome

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept: the twin, and what came of the last commands, the newest last."""

    twin: Twin = Twin()
    outcomes: tuple[Outcome, ...] = ()


_memories = msgspec.json.Decoder(Memory)


class TwinFile:
    """One small JSON file; used by one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Memory:
        """What was kept; a file that cannot be read is set aside, and the settings file rules alone again."""
        try:
            return _memories.decode(self._path.read_bytes())
        except FileNotFoundError:
            return Memory()
        except UNREADABLE as error:
            aside = self._path.with_name(self._path.name + ".unreadable")
            _log.error("%s cannot be understood and is kept as %s: %s", self._path, aside.name, error)
            with suppress(OSError):
                # On a disk that cannot be written it stays where it is: the gateway must start all the same.
                self._path.replace(aside)
        except OSError as error:
            _log.error("%s cannot be read; the settings file rules alone: %s", self._path, error.strerror)
        return Memory()

    def save(self, memory: Memory) -> None:
        """Returns when it is on the disk; raises OSError and has changed nothing where it cannot be."""
        beside = self._path.with_name(self._path.name + ".new")
        with beside.open("wb") as file:
            file.write(msgspec.json.encode(memory))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        _sync_folder(self._path.parent)


def _sync_folder(folder: Path) -> None:
    """A new name is only durable once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
