"""What every answer of a kind must look like."""

import json
from typing import Any

from werkzeug.test import TestResponse

# Words that would show a caller something of the inside.
INSIDE = ("Traceback", "site-packages", ".py", "sklearn", "numpy", "/tmp", "/srv")


def assert_error(response: TestResponse, status: int, error_type: str) -> list[dict[str, Any]]:
    """Check the one shape of errors, and return what ``details`` lists."""
    document = strict_json(response)
    assert (response.status_code, document["error_type"]) == (status, error_type), document
    assert set(document) == {"error", "error_type", "details", "request_id"}
    assert isinstance(document["error"], str)
    assert document["error"]
    assert document["request_id"] == response.headers["X-Request-ID"]
    assert not [word for word in INSIDE if word in response.get_data(as_text=True)]
    errors: list[dict[str, Any]] = document["details"].get("errors", [])
    assert len(errors) <= 100
    return errors


def assert_one_error(response: TestResponse, **expected: Any) -> None:
    """Check that the request was refused for one reason, and that it is the expected one."""
    (error,) = assert_error(response, 400, "validation_error")
    assert error == expected


def assert_error_text(response: TestResponse, status: int, *words: str, member: str = "error") -> str:
    """Check that a dialect's error is a sentence with these words, and nothing else, and return it."""
    document = strict_json(response)
    assert (response.status_code, list(document)) == (status, [member]), document
    text: str = document[member]
    assert isinstance(text, str)
    assert not [word for word in words if word not in text], text
    assert not [word for word in INSIDE if word in text]
    return text


def strict_json(response: TestResponse) -> Any:
    """The JSON of a response, which may not hold NaN or Infinity."""
    assert response.mimetype == "application/json"
    return json.loads(response.data, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise AssertionError(f"the response holds {constant}, which is not JSON")
