"""Formats of files, by their extensions."""

from collections.abc import Sequence
from pathlib import Path

from model_service_client.scoring.csv_file import CsvReader
from model_service_client.scoring.files import Reader
from model_service_client.scoring.ndjson_file import LineReader


def opened(path: Path, columns: Sequence[str]) -> Reader:
    """The reader for a file, by its extension.

    :param columns: those of the model.
    :raises ValueError: for an unknown one, and where the library that reads it is not installed.
    """
    kind = path.suffix.lower()
    if kind == ".csv":
        return CsvReader(path)
    if kind in (".ndjson", ".jsonl"):
        return LineReader(path)
    if kind in (".parquet", ".pq"):
        try:
            from model_service_client.scoring.parquet_file import ParquetReader
        except ImportError as error:
            raise ValueError(f"{path.name}: Parquet needs {error.name}, which is not installed") from None
        return ParquetReader(path, columns)
    raise ValueError(f"{path.name}: must be .csv, .parquet, .ndjson or .jsonl")
