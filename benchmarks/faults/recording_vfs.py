"""Records every file operation of the very SQLite that the standard library uses: a VFS put before its own by ctypes.

Nothing of the program under test is changed or replaced: its statements, its driver and its SQLite run as they are, and
each write, sync, truncation, creation and deletion passes through here on its way to the real file.
"""

from __future__ import annotations

import _sqlite3
import ctypes
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from typing import TYPE_CHECKING

from benchmarks.faults.disk import Create, Delete, Sync, Truncate, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.faults.disk import Operation

OK = 0
NAME = b"recording"

_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_Remove = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_Close = CFUNCTYPE(c_int, c_void_p)
_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, version 3 (sqlite3.h)."""

    _fields_ = (
        ("version", c_int),
        ("file_bytes", c_int),
        ("path_bytes_max", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", _Open),
        ("delete", _Remove),
        ("others", c_void_p * 14),
    )


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, version 3 (sqlite3.h)."""

    _fields_ = (
        ("version", c_int),
        ("close", _Close),
        ("read", c_void_p),
        ("write", _Write),
        ("truncate", _Truncate),
        ("sync", _Sync),
        ("others", c_void_p * 13),
    )


class _File(ctypes.Structure):
    """`sqlite3_file`: the methods come first, the rest is the file's own."""

    _fields_ = (("methods", POINTER(_Methods)),)


class _Recorder:
    """The VFS; it must live as long as any file opened through it."""

    def __init__(self, folder: Path, record: Callable[[Operation], None]) -> None:
        self._folder = str(folder).encode()
        self._record = record
        self._library = ctypes.CDLL(_sqlite3.__file__)
        self._library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        self._library.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
        self._library.sqlite3_vfs_unregister.argtypes = [c_void_p]
        self._below = self._library.sqlite3_vfs_find(None)
        self._paths: dict[int, str] = {}
        self._methods_below: dict[int, _Methods] = {}
        self._methods: dict[int, _Methods] = {}
        self._vfs = _Vfs.from_buffer_copy(self._below.contents)
        self._vfs.next = None
        self._vfs.name = NAME
        self._vfs.open = _Open(self._open)
        self._vfs.delete = _Remove(self._delete)

    def register(self) -> None:
        """New connections open their files through here."""
        self._library.sqlite3_vfs_register(ctypes.addressof(self._vfs), 1)

    def unregister(self) -> None:
        """New connections go the old way again."""
        self._library.sqlite3_vfs_unregister(ctypes.addressof(self._vfs))
        self._library.sqlite3_vfs_register(ctypes.addressof(self._below.contents), 1)

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, flags_out: int | None) -> int:
        code = int(self._below.contents.open(ctypes.addressof(self._below.contents), name, file, flags, flags_out))
        path = ctypes.string_at(name) if name else b""
        if code == OK and path.startswith(self._folder):
            self._paths[file] = path[len(self._folder) + 1 :].decode()
            self._record(Create(self._paths[file]))
            opened = ctypes.cast(file, POINTER(_File)).contents
            opened.methods = ctypes.pointer(self._over(opened.methods.contents))
        return code

    def _over(self, below: _Methods) -> _Methods:
        """The file's methods, with those that change it passing through here."""
        address = ctypes.addressof(below)
        if address not in self._methods:
            over = _Methods.from_buffer_copy(below)
            over.close = _Close(lambda file: self._close(below, file))
            over.write = _Write(lambda file, *what: self._write(below, file, *what))
            over.truncate = _Truncate(lambda file, size: self._truncate(below, file, size))
            over.sync = _Sync(lambda file, flags: self._sync(below, file, flags))
            self._methods[address] = over
        return self._methods[address]

    def _delete(self, _vfs: int, name: int, sync_folder: int) -> int:
        path = ctypes.string_at(name)
        code = int(self._below.contents.delete(ctypes.addressof(self._below.contents), name, sync_folder))
        if code == OK and path.startswith(self._folder):
            self._record(Delete(path[len(self._folder) + 1 :].decode()))
        return code

    def _close(self, below: _Methods, file: int) -> int:
        del self._paths[file]
        return int(below.close(file))

    def _write(self, below: _Methods, file: int, data: int, count: int, offset: int) -> int:
        self._record(Write(self._paths[file], offset, ctypes.string_at(data, count)))
        return int(below.write(file, data, count, offset))

    def _truncate(self, below: _Methods, file: int, size: int) -> int:
        self._record(Truncate(self._paths[file], size))
        return int(below.truncate(file, size))

    def _sync(self, below: _Methods, file: int, flags: int) -> int:
        code = int(below.sync(file, flags))
        if code == OK:
            self._record(Sync(self._paths[file]))
        return code


@contextmanager
def recorded(folder: Path, record: Callable[[Operation], None]) -> Iterator[None]:
    """Whatever sqlite3 connections opened meanwhile do to files below the folder is handed to `record`, in order.

    They must be closed before this ends. Paths are told relative to the folder.
    """
    recorder = _Recorder(folder.resolve(), record)
    recorder.register()
    try:
        yield
    finally:
        recorder.unregister()
