"""What SQLite's errors mean to the person who keeps the file, and the remedy."""

import shutil
import sqlite3
from pathlib import Path

from storage.protocol import StoreError

_MOVE_AWAY = "choose another storage.path, or move the file away and a new one is begun"
_EXPLANATIONS = {
    sqlite3.SQLITE_FULL: (
        "the disk at {disk} is full ({free} free)",
        "free space there, and lower storage.retention_s where it is this file that fills it",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "the file is damaged",
        "restore a copy, save what can be read with `sqlite3 {path} .recover`, "
        "or move it away and a new one is begun",
    ),
    sqlite3.SQLITE_NOTADB: ("this is not a SQLite database", _MOVE_AWAY),
    sqlite3.SQLITE_READONLY: (
        "no permission to write",
        "give this user the right to write the file and its folder, or change storage.path",
    ),
    sqlite3.SQLITE_PERM: ("access denied", "give this user the right to the file"),
    sqlite3.SQLITE_BUSY: (
        "another process keeps it locked",
        "see whether a second `silverbullet record` or another program has it open",
    ),
    sqlite3.SQLITE_IOERR: (
        "reading or writing the disk at {disk} failed ({free} free)",
        "check the disk and that it is a local one",
    ),
}


def _why_not_opened(path: Path) -> tuple[str, str]:
    folder = path.parent
    allow = f"give this user the right to write the file and {folder}, or change storage.path"
    try:
        if path.is_dir():
            return "this is a folder", "let storage.path name a file"
        if not folder.exists():
            return f"its folder {folder} does not exist", f"mkdir -p {folder}, or see storage.path"
        if not folder.is_dir():
            return f"{folder} is not a folder", "change storage.path"
    except OSError as error:
        return f"{error.strerror}", allow
    return "no permission to open it", allow


def _disk(path: Path) -> Path:
    """Find where the file system of a file is mounted."""
    folder = path.absolute().parent
    return next((at for at in (folder, *folder.parents) if at.is_mount()), folder)


def _free_space(path: Path) -> str:
    try:
        return f"{shutil.disk_usage(path.parent).free / 1e6:.0f} MB"
    except OSError as error:
        return f"unknown: {error.strerror}"


def explain(error: sqlite3.Error, path: Path, doing: str) -> StoreError:
    """Turn an error of SQLite's into one that says what, where and the remedy.

    Parameters
    ----------
    error
        As raised by :mod:`sqlite3`.
    path
        The database file.
    doing
        What was tried, such as ``opening``.
    """
    # The low byte is the primary code; errors of the module itself carry none.
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF == sqlite3.SQLITE_CANTOPEN:
        what, remedy = _why_not_opened(path)
    else:
        what, remedy = _EXPLANATIONS.get(
            code & 0xFF, (str(error), "report this with the file's schema")
        )
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    what = what.format(disk=_disk(path), free=_free_space(path))
    return StoreError(f"{doing} {path}: {what} ({name}); {remedy.format(path=path)}")
