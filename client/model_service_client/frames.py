"""Frames of pandas: rows there, predictions with the same index back. Importing it needs pandas."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from model_service_client.answers import document_of, member
from model_service_client.bodies import ARROW, JSON, SHORT, ArrayRows, ListRows, TableRows
from model_service_client.errors import Fault, sentence
from model_service_client.rows import Part, Send, answers

try:
    import pyarrow as pa
except ImportError:  # then more rows are NDJSON
    pa = None


@dataclass(frozen=True)
class FrameRows:
    """The rows of a frame, by column name, or in training order where columns are only numbered."""

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, positions: Sequence[int]) -> "FrameRows":
        """These rows of it."""
        if isinstance(positions, range):
            return FrameRows(self.frame.iloc[positions.start : positions.stop])
        return FrameRows(self.frame.iloc[list(positions)])

    def encode(self) -> tuple[str, bytes]:
        """As JSON if they are few, else as Arrow, or by rows where Arrow has no type for a column."""
        named = not isinstance(self.frame.columns, pd.RangeIndex)
        if len(self.frame) > SHORT:
            if named and pa is not None and (encoded := _arrow(self.frame)) is not None:
                return encoded
            if not named and len(set(self.frame.dtypes)) == 1:
                return ArrayRows(self.frame.to_numpy()).encode()
        rows = self.frame.itertuples(index=False, name=None)
        if not named:
            return ListRows(list(rows)).encode()
        names = list(map(str, self.frame.columns))
        return ListRows([dict(zip(names, row, strict=True)) for row in rows]).encode()


def _arrow(frame: pd.DataFrame) -> tuple[str, bytes] | None:
    """The frame as an Arrow stream; None if it has no type for a column."""
    try:
        return TableRows(pa.Table.from_pandas(frame, preserve_index=False)).encode()
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return None


def predict_frame(frame: pd.DataFrame, send: Send, *, by_row: bool) -> pd.DataFrame:
    """The predictions for the rows of a frame, with its index.

    :raises ValueError: for two columns of one name.
    """
    if not frame.columns.is_unique:
        raise ValueError("the frame has two columns of one name")
    versions: dict[str, None] = {}

    def ask(media_type: str, body: bytes) -> tuple[pd.DataFrame, dict[int, list[Fault]]]:
        if media_type == ARROW and not by_row:
            answer = send("", media_type, ARROW, body)
            versions[answer.headers.get("X-Model-Version", "")] = None
            return pa.ipc.open_stream(answer.data).read_all().to_pandas(), {}
        document = document_of(send("?format=columns" + "&errors=rows" * by_row, media_type, JSON, body))
        versions[document.get("model_version", "")] = None
        rejected = {each["sample_id"]: each["errors"] for each in document.get("rejected_samples", ())}
        return pd.DataFrame(member(document, "columns")), rejected

    parts = list(answers(FrameRows(frame), ask, by_row=by_row))
    found = _joined(parts, len(frame))
    if by_row:
        found["error"] = _told(parts, len(frame))
    found.index = frame.index
    found.attrs["versions"] = list(versions)
    return found


def _joined(parts: Sequence[Part], count: int) -> pd.DataFrame:
    """The rows of all parts by position; those without a prediction are missing in every column."""
    tables = [part.content.set_axis(pd.Index(part.positions), axis=0) for part in parts if part.positions]
    if not tables:
        return pd.DataFrame(index=range(count))
    found = pd.concat(tables)
    if len(found) < count:  # whole numbers and truth values stay such
        kinds = {"i": "Int64", "u": "UInt64", "b": "boolean"}
        wide = {name: kinds[kind.kind] for name, kind in found.dtypes.items() if kind.kind in kinds}
        found = found.astype(wide).reindex(range(count))
    return found


def _told(parts: Sequence[Part], count: int) -> Any:
    texts: list[str | None] = [None] * count
    for part in parts:
        for row, faults in part.faults.items():
            texts[row] = "; ".join(sentence(fault, row=False) for fault in faults)
    return pd.array(texts, dtype="str")
