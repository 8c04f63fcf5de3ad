"""From the body of a prediction request to its answer, whichever model is asked."""

from typing import Any

from app.api.decoding import load_body
from app.api.responses import envelope
from app.api.schemas import BatchSchema, PredictSchema
from app.models.service import ModelService

predict_schema = PredictSchema()
batch_schema = BatchSchema()


def answer_row(service: ModelService) -> dict[str, Any]:
    """Predict the one row of the request."""
    body = load_body(predict_schema)
    answer = service.predict(body["features"])
    return envelope(answer, body, result=answer.to_dicts()[0])


def answer_batch(service: ModelService) -> dict[str, Any]:
    """Predict the rows of the request with one model version."""
    body = load_body(batch_schema)
    answer = service.predict(body["samples"], field="samples")
    results = [{"sample_id": i, **result} for i, result in enumerate(answer.to_dicts())]
    return envelope(answer, body, results=results, count=len(results))
