"""One CSV file, plain or gzipped, read block by block as columns of text."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import csv

from ingest.formats import FileFormatError, Kind
from ingest.recognise import Recognised, recognise

_SAMPLE_BYTES: Final = 262_144  # holds the header and first rows of 2000 columns
_GZIP: Final = b"\x1f\x8b"
_OTHERS: Final = (
    (b"PK\x03\x04", "a zip archive: unzip it first"),
    (b"PAR1", "a Parquet file: save it as CSV"),
    (b"\xff\xfe", "UTF-16 text: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text: save it as UTF-8"),
)
_BOM: Final = b"\xef\xbb\xbf"
_LINE: Final = re.compile(rb"([^\r\n]*)(\r\n|\n|\r|$)")
# What pandas, spreadsheets and databases write for a close before a listing.
_NO_CLOSE: Final = ["", "NaN", "nan", "NA", "N/A", "#N/A", "null", "NULL", "None"]


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in whatever goes wrong while it is read."""
    try:
        yield
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error}") from error
    except pa.ArrowInvalid as error:
        raise FileFormatError(f"{path}: no CSV throughout: {error}") from error


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file, the layout it has, and where its rows begin.

    Attributes
    ----------
    path
        The file.
    recognised
        Its layout and columns.
    is_gzip
        By its first bytes, whatever its name.
    data_offset
        Byte of the unpacked text at which the first row begins.
    has_rows
        Whether there is any.
    """

    path: Path
    recognised: Recognised
    is_gzip: bool
    data_offset: int
    has_rows: bool

    @classmethod
    def open(cls, path: Path) -> "CsvFile":
        """Look at the first rows of a file.

        Raises
        ------
        FileFormatError
            It cannot be read, is no CSV, is empty or has no known layout.
        """
        with _naming(path), _unpacked(path) as (stream, is_gzip):
            sample: bytes = stream.read(_SAMPLE_BYTES)
        problem = next((text for magic, text in _OTHERS if sample.startswith(magic)), None)
        if problem is not None:
            raise FileFormatError(f"{path}: {problem}")
        begin = len(_BOM) if sample.startswith(_BOM) else 0
        lines = [found for found in _LINE.finditer(sample, begin) if found[0]]
        if len(sample) == _SAMPLE_BYTES and len(lines) > 1:
            lines.pop()  # cut short
        recognised = recognise([found[1].decode(errors="replace") for found in lines], str(path))
        rows = lines[recognised.first_row :]
        return cls(
            path,
            recognised,
            is_gzip,
            data_offset=rows[0].start() if rows else len(sample),
            has_rows=any(found[1].strip() for found in rows) or len(sample) == _SAMPLE_BYTES,
        )

    def batches(
        self, positions: Sequence[int], block_bytes: int, bad_rows: list[str]
    ) -> Iterator[pa.RecordBatch]:
        """Read some columns as text; columns are named by their positions.

        Parameters
        ----------
        positions
            Which columns.
        block_bytes
            Text read at once.
        bad_rows
            Gets the text of every row with too few or too many cells.

        Yields
        ------
        pyarrow.RecordBatch
            string columns, null where a cell is missing; symbol and exchange as a dictionary
            of bytes.

        Raises
        ------
        FileFormatError
            The file cannot be read to its end.
        """
        if not self.has_rows:
            return

        def skip(row: csv.InvalidRow) -> str:
            bad_rows.append(row.text)
            return "skip"

        with _naming(self.path), _unpacked(self.path) as (stream, _):
            stream.read(self.data_offset)
            yield from csv.open_csv(
                stream,
                read_options=csv.ReadOptions(
                    # Threads gain nothing: 0.23 s for a million quotes with and without.
                    use_threads=False,
                    block_size=block_bytes,
                    column_names=[f"{i}" for i in range(len(self.recognised.columns))],
                ),
                parse_options=csv.ParseOptions(invalid_row_handler=skip),
                convert_options=self._conversion(positions),
            )

    def _conversion(self, positions: Sequence[int]) -> csv.ConvertOptions:
        is_wide = self.recognised.layout.kind is Kind.CLOSES
        coded = [] if is_wide else [self.recognised.position(n) for n in ("symbol", "exchange")]
        few = pa.dictionary(pa.int32(), pa.binary())
        return csv.ConvertOptions(
            check_utf8=False,  # a bad byte costs its own row, not the file
            column_types={f"{i}": few if i in coded else pa.string() for i in positions},
            include_columns=[f"{i}" for i in positions],
            null_values=_NO_CLOSE if is_wide else [""],
            strings_can_be_null=True,
        )


@contextmanager
def _unpacked(path: Path) -> Iterator[tuple[pa.NativeFile, bool]]:
    with pa.OSFile(str(path)) as raw:
        is_gzip = raw.read(2) == _GZIP
        raw.seek(0)
        if is_gzip:
            with pa.CompressedInputStream(raw, "gzip") as stream:
                yield stream, True
        else:
            yield raw, False
