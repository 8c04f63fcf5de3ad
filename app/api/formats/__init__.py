"""Formats of bodies: bytes to rows, and a prediction to bytes, by a codec per media type."""

from typing import TYPE_CHECKING, Any, Protocol

from app.api.formats.json_codec import Json
from app.models.prediction import Prediction
from app.models.schema.signature import InputSignature

if TYPE_CHECKING:  # schemas are made of the codecs' fields
    from app.api.schemas import Body, BodySchema


class Codec(Protocol):
    """One format of prediction requests and their answers."""

    def decode(self, raw: bytes, schema: "BodySchema", signature: InputSignature | None) -> "Body":
        """What ``schema`` loads from a body: ``rows``, and ``request_id`` and ``client_id`` if it has them.

        :param schema: names the field of the rows, ``rows_field``, and judges what it holds.
        :param signature: of the model that the rows are for, or None if none is loaded.
        :raises InvalidInput: if it is malformed, or does not fit ``schema``.
        """

    def encode(
        self, prediction: Prediction, envelope: dict[str, Any], *, single: bool, rejected: dict[int, Any]
    ) -> bytes:
        """The body of the answer.

        :param envelope: what to say besides the rows, ready for JSON.
        :param single: one row was asked for, as one.
        :param rejected: errors of rows that were not predicted, by position.
        """


CODECS: dict[str, Codec] = {
    "application/json": Json(),
}
# Formats of bodies that hold something else than rows.
DOCUMENTS: dict[str, Codec] = {"application/json": CODECS["application/json"]}
