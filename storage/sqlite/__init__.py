"""The store on one SQLite file: `store` is its face, the rest its parts by subject."""

from storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
