"""What a request says of its body, besides the body."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import current_app, request
from werkzeug.http import parse_options_header

from app.exceptions import InvalidInput
from app.models.schema.signature import InputSignature

EXTRA = ("ignore", "reject")


@dataclass(frozen=True)
class Decoding:
    """Of a body of rows: the ``signature`` of the model that it is for, if one is loaded; the ``parameters``
    of its media type, or of the query; and whether columns that the model does not know are left out.
    """

    signature: InputSignature | None
    parameters: Mapping[str, str] = field(default_factory=dict)
    ignore_extra: bool = False

    @property
    def known(self) -> tuple[str, ...] | None:
        """The columns to keep, or None for all."""
        return self.signature.names if self.signature and self.ignore_extra else None


def decoding_of_request(signature: InputSignature | None) -> Decoding:
    """What the running request says.

    :raises InvalidInput: for any ``extra`` but ``ignore`` and ``reject``.
    """
    ignore_extra = ignores_extra()
    _, parameters = parse_options_header(request.environ.get("CONTENT_TYPE", ""))
    asked = {name: request.args[name] for name in ("header", "delimiter") if name in request.args}
    return Decoding(signature, parameters | asked, ignore_extra)


def ignores_extra() -> bool:
    """Whether the running request wants columns left out that the model does not know.

    :raises InvalidInput: for any ``extra`` but ``ignore`` and ``reject``.
    """
    if (extra := request.args.get("extra", "reject")) not in EXTRA:
        raise InvalidInput([{"field": "extra", "reason": f"must be {' or '.join(EXTRA)}"}])
    return extra == "ignore"


def check_rows(count: int) -> None:
    """:raises InvalidInput: if there are no rows, or more than ``MAX_ROWS``."""
    limit = current_app.config["MAX_ROWS"]
    if not 1 <= count <= limit:
        raise InvalidInput([{"reason": f"Must hold 1 to {limit} rows, not {count}."}])
