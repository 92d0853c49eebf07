"""The commands: what the person typed, the settings, and one line for everything that went wrong."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from backup import keys
from backup.chains import SEAL_FILE, read_seal
from backup.make import make
from backup.restore import Wanted, restore
from backup.settings import data_settings, key_settings
from backup.verify import verify
from sheetal.contracts.problem import Problem, SettingProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sheetal.contracts.clock import Clock
    from sheetal.ledger.seals import Seal

    Say = Callable[[str], None]

SETTING_EXIT_CODE = 2
GATEWAYS_A_MINUTE = 600
_EPILOG = "Stores are named by SHEETAL_LEDGER_URL, SHEETAL_TELEMETRY_URL and SHEETAL_READINGS_URL; see docs/backup.md."


def main(arguments: Sequence[str], clock: Clock, say: Say, tell_wrong: Say) -> int:
    """Does one command; 0 when done, 1 when it was refused or a store is away, 2 for a wrong setting."""
    asked = _parser().parse_args(arguments)
    try:
        say(COMMANDS[asked.command](asked, clock, say))
    except SettingProblem as problem:
        tell_wrong(_line(problem))
        return SETTING_EXIT_CODE
    except Problem as problem:
        tell_wrong(_line(problem))
        return 1
    except OSError as error:
        tell_wrong(
            f"{error.strerror or type(error).__name__}: {error.filename or 'the disk'}. look at the disk and its rights"
        )
        return 1
    return 0


def _make(asked: argparse.Namespace, clock: Clock, say: Say) -> str:
    made = make(asked.folder, data_settings(), clock, say)
    return f"{asked.folder} is whole: {sum(part.bytes for part in made.parts):,} bytes; keys are backed up apart"


def _verify(asked: argparse.Namespace, _clock: Clock, say: Say) -> str:
    verify(asked.folder, say, _outside(asked))
    return f"{asked.folder} is good"


def _restore(asked: argparse.Namespace, clock: Clock, say: Say) -> str:
    settings = data_settings()
    wanted = Wanted(asked.replace, asked.gateways_a_minute, _outside(asked, settings.mirror_folder))
    restore(asked.folder, settings, wanted, clock, say)
    return "restored: start ingest and alerts, so that gateways are asked for what came after the backup"


def _make_keys(asked: argparse.Namespace, clock: Clock, _say: Say) -> str:
    made = keys.make(asked.folder, key_settings().places, clock)
    return f"{asked.folder} holds {len(made.parts)} key files: keep it on another machine than the data"


def _restore_keys(asked: argparse.Namespace, _clock: Clock, _say: Say) -> str:
    found = keys.restore(asked.folder, key_settings().places, replaces=asked.replace)
    return f"{len(found.parts)} key files are back"


COMMANDS: dict[str, Callable[[argparse.Namespace, Clock, Say], str]] = {
    "make": _make,
    "verify": _verify,
    "restore": _restore,
    "make-keys": _make_keys,
    "restore-keys": _restore_keys,
}


def _outside(asked: argparse.Namespace, mirror: Path | None = None) -> Seal | None:
    """The seal that was named, else the mirror's where there is one."""
    if asked.seal is not None:
        return read_seal(asked.seal)
    lying = mirror / SEAL_FILE if mirror else None
    return read_seal(lying) if lying and lying.exists() else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backup", description=__doc__, epilog=_EPILOG)
    commands = parser.add_subparsers(dest="command", required=True)
    words = {
        "make": "copy ledger, telemetry and readings into a new folder while everything runs",
        "verify": "look a backup through",
        "restore": "put a backup in the place of lost stores, and have gateways asked for the rest",
        "make-keys": "copy the keys into a new folder, apart from the data",
        "restore-keys": "put the keys back",
    }
    for name, word in words.items():
        command = commands.add_parser(name, help=word, description=word)
        command.add_argument("folder", type=Path)
        if name in {"verify", "restore"}:
            command.add_argument("--seal", type=Path, help="the newest audit seal kept outside the database")
        if name in {"restore", "restore-keys"}:
            command.add_argument("--replace", action="store_true", help="over what stands there")
        if name == "restore":
            command.add_argument("--gateways-a-minute", type=_count, default=GATEWAYS_A_MINUTE)
    return parser


def _count(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _line(problem: Problem) -> str:
    return f"{problem.message}. {problem.next_step}".strip()
