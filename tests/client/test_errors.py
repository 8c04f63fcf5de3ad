import pickle

import pytest

from model_service_client import (
    AuthenticationError,
    ClientError,
    InvalidInput,
    NotFound,
    Overloaded,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from model_service_client.errors import invalid
from tests.client.fake_service import Reply, error

FAULTS = [{"field": "features", "row": 0, "position": 2, "name": "age", "reason": "must be a number"}]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(400, "validation_error", {"errors": FAULTS}), InvalidInput),
        (error(401, "authentication_error"), AuthenticationError),
        (error(403, "permission_error"), PermissionDenied),
        (error(404, "not_found"), NotFound),
        (error(409, "conflict"), ClientError),
        (error(413, "payload_too_large"), InvalidInput),
        (error(415, "unsupported_media_type"), InvalidInput),
        (error(429, "rate_limit_exceeded", Retry_After="90"), RateLimited),
        (error(500, "internal_error"), ServerError),
        (error(503, "overloaded", Retry_After="90"), Overloaded),
        (error(503, "model_error", Retry_After="90"), ServerError),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_status_has_an_error_that_says_all_that_the_service_said(fake, remote, reply, kind):
    fake.replies = [reply]
    with pytest.raises(ClientError) as raised:
        remote.predict([1])
    found = raised.value
    assert type(found) is kind
    assert (found.status, found.error_type) == (reply.status, reply.document["error_type"])
    assert (found.request_id, str(found)[:2]) == ("r1", "No")
    assert found.retry_after == (90 if "Retry-After" in reply.headers else None)
    assert len(fake.requests) == 1


def test_invalid_input_names_field_row_column_and_reason(fake, remote):
    fake.replies = [error(400, "validation_error", {"errors": FAULTS})]
    with pytest.raises(InvalidInput, match="No: row 0, age: must be a number") as raised:
        remote.predict([1])
    assert raised.value.errors == FAULTS
    assert raised.value.details == {"errors": FAULTS}


def test_message_tells_the_first_errors_and_how_many_there_are():
    faults = [{"row": row, "position": 1, "reason": "no"} for row in range(5)]
    assert str(invalid(faults)) == (
        "Invalid input: row 0, position 1: no; row 1, position 1: no; row 2, position 1: no; and 2 more"
    )


@pytest.mark.parametrize("document", [b"<html>", b"[]", b'{"error": 5, "details": 5}'])
def test_error_of_another_server_is_one_of_the_clients_too(fake, remote, document):
    fake.replies = [Reply(500, document, {"Content-Type": "text/html"})]
    with pytest.raises(ServerError, match="answered 500 with text/html") as raised:
        remote.predict([1])
    assert raised.value.details == {}


@pytest.mark.parametrize("document", [b"welcome", b"[]", b"{}"])
def test_page_of_another_server_is_no_prediction(fake, remote, document):
    fake.replies = [Reply(200, document)]
    with pytest.raises(ServerError, match="not the service's"):
        remote.predict([1])


def test_redirect_is_not_followed(fake, remote):
    fake.replies = [Reply(307, None, {"Location": "/elsewhere"})]
    with pytest.raises(ClientError, match="answered 307"):
        remote.predict([1])
    assert [request.path for request in fake.requests] == ["/api/predict"]


def test_error_passes_from_process_to_process():
    found = pickle.loads(pickle.dumps(invalid(FAULTS)))
    assert (found.errors, str(found)) == (FAULTS, str(invalid(FAULTS)))
