"""The client: rows and frames in, predictions out."""

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload
from urllib.parse import quote

from model_service_client.answers import (
    Explanation,
    Health,
    Prediction,
    document_of,
    explanation_of,
    member,
    prediction_of,
)
from model_service_client.bodies import row_body
from model_service_client.errors import InvalidInput, ServerError
from model_service_client.rows import Send, predict_rows
from model_service_client.transport import Answer, Transport, user_agent

if TYPE_CHECKING:
    import pandas as pd

    from model_service_client.scoring import Summary

Row: TypeAlias = Sequence[Any] | Mapping[str, Any]
Errors: TypeAlias = Literal["raise", "rows"]


class Client:
    """A client of one service, or of one of its models. Threads may share it; a forked process may not.

    :param url: such as ``https://models.example.com``.
    :param api_key: the key, or ``token`` the JWT, if the service wants one.
    :param model: the name of a model beside the default one.
    :param timeout: seconds that a call may take with all its retries; a request of many rows counts as one.
    :param retries: how often a call is tried again if the service is not reached, restarts, or answers that
        it has no time (429, 502, 503, 504).
    :param ca_certs: path of the certificates to trust for https, in place of the system's.
    :raises ValueError: for what cannot be sent.

    Every call raises one of the errors of `ClientError`.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        token: str | None = None,
        model: str | None = None,
        timeout: float = 30.0,
        retries: int = 15,
        ca_certs: str | None = None,
    ) -> None:
        headers = {"User-Agent": user_agent()}
        if api_key is not None:
            headers["X-API-Key"] = api_key
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._transport = Transport(url, headers=headers, timeout=timeout, retries=retries, ca_certs=ca_certs)
        self.url, self.model = self._transport.url, model
        name = quote(model, safe="") if model else ""
        self._predict = f"/api/models/{name}/predict" if name else "/api/predict"
        self._info = f"/api/model/info?model={name}" if name else "/api/model/info"
        self._ready = self._info if name else "/api/health/ready"

    def __repr__(self) -> str:
        return f"Client({self.url!r}" + (f", model={self.model!r})" if self.model else ")")

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; further calls fail."""
        self._transport.close()

    @overload
    def predict(self, data: Row, *, request_id: str | None = None) -> Prediction: ...
    @overload
    def predict(
        self, data: "pd.DataFrame", *, errors: Errors = "raise", request_id: str | None = None
    ) -> "pd.DataFrame": ...
    def predict(self, data: Any, *, errors: Errors = "raise", request_id: str | None = None) -> Any:
        """The prediction for a row, or a frame of predictions for a frame, with the same index.

        :param data: a list in training order, a mapping by column name, or a frame of pandas.
        :param errors: of rows of a frame: ``raise`` the first ones, or answer the other ``rows`` and add the
            column ``error``.
        """
        if hasattr(data, "columns") and hasattr(data, "iloc"):
            from model_service_client.frames import predict_frame

            return predict_frame(data, self._sender(request_id), by_row=_by_row(errors))
        if isinstance(data, list) and data and isinstance(data[0], list | tuple | dict):
            raise TypeError("predict takes one row or a frame; predict_batch takes several rows")
        document = self._document(row_body(data), request_id)
        return prediction_of(member(document, "result"), document)

    @overload
    def predict_batch(
        self, rows: Any, *, errors: Literal["raise"] = "raise", request_id: str | None = None
    ) -> list[Prediction]: ...
    @overload
    def predict_batch(
        self, rows: Any, *, errors: Literal["rows"], request_id: str | None = None
    ) -> list[Prediction | InvalidInput]: ...
    def predict_batch(self, rows: Any, *, errors: Errors = "raise", request_id: str | None = None) -> Any:
        """The predictions for rows, in order.

        :param rows: lists, mappings, or a two-dimensional array of numbers, any number of them.
        :param errors: ``raise`` the first ones, or answer the other ``rows``: then the list has an
            `InvalidInput` in the place of each row that was rejected.
        """
        return predict_rows(rows, self._sender(request_id), by_row=_by_row(errors))

    def explain(self, row: Row, columns: int = 5, *, request_id: str | None = None) -> Explanation:
        """The prediction for a row, and what each column adds to it.

        :param columns: how many are named, those that add most; the others are summed up.
        :raises InvalidInput: naming the part of the model that cannot be explained exactly, too.
        """
        body = row_body(row)[:-1] + f',"explain":{json.dumps(columns)}}}'.encode()
        return explanation_of(self._document(body, request_id))

    def score(
        self,
        file: str | PathLike[str],
        out: str | PathLike[str],
        *,
        prefix: str = "",
        rows: int = 5_000,
        requests: int = 2,
        timeout: float = 600.0,
        shown: bool | None = None,
    ) -> "Summary":
        """Write a copy of a file with the predictions for its rows as further columns, in order.

        :param file: CSV with a header, Parquet, or NDJSON (``.ndjson``, ``.jsonl``).
        :param out: of the same format; appears when it is complete. A row that is rejected has no
            prediction, and the reason in the column ``error``.
        :param prefix: of the names of the further columns.
        :param rows: of a request; ``requests`` are sent at a time.
        :param timeout: seconds that a request may take with all its retries, such as of a rate limit.
        :param shown: whether progress is shown; unless it is said, on a terminal only.
        :raises ValueError: for files that cannot be scored, `OSError` for those that cannot be used.
        """
        from model_service_client.scoring import score

        send = self._sender(timeout=timeout)
        return score(Path(file), Path(out), self.info(), send, prefix, rows, requests, shown=shown)

    def health(self) -> Health:
        """Whether the service can predict, and by which version of the default model; asks once."""
        try:
            document = document_of(self._transport.call("GET", "/api/health", retries=0))
        except ServerError as error:
            if error.status == 503:
                return Health(healthy=False, version=None)
            raise
        return Health(document.get("status") == "healthy", document.get("model_version"))

    def info(self) -> dict[str, Any]:
        """The model that serves: type, columns, classes, metrics, version and more."""
        return document_of(self._transport.call("GET", self._info))

    def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Return when the model can predict.

        :raises Timeout: if it cannot within so many seconds.
        """
        self._transport.wait_for(self._ready, timeout)

    def _document(self, body: bytes, request_id: str | None) -> dict[str, Any]:
        headers = {"X-Request-ID": request_id} if request_id is not None else None
        return document_of(self._transport.call("POST", self._predict, body, headers=headers))

    def _sender(self, request_id: str | None = None, *, timeout: float | None = None) -> Send:
        named = {"X-Request-ID": request_id} if request_id is not None else {}

        def send(query: str, media_type: str, accept: str, body: bytes) -> Answer:
            headers = {"Content-Type": media_type, "Accept": accept, **named}
            path = f"{self._predict}/batch{query}"
            return self._transport.call("POST", path, body, headers=headers, timeout=timeout)

        return send


def _by_row(errors: str) -> bool:
    """Whether the errors of rows are to be answered beside the other rows."""
    if errors not in ("raise", "rows"):
        raise ValueError(f"errors must be raise or rows, not {errors!r}")
    return errors == "rows"
