"""Predicts with the client that was generated as ``model_client``: JSON in, and JSON of what it got out."""

import json
import sys

from model_client import AuthenticatedClient
from model_client.api.model_info import model_info_info
from model_client.api.predictions import predictions_predict, predictions_predict_batch
from model_client.models import Batch, ErrorAnswer, OutputNamesItem, Predict, RowObject

given = json.load(sys.stdin)
client = AuthenticatedClient(
    given["base"],
    token=given["key"],
    auth_header_name="X-API-Key",
    prefix="",
    raise_on_unexpected_status=True,
)
rows = [RowObject.from_dict(row) for row in given["rows"]]


def shown(answer):
    return {"type": type(answer).__name__, **answer.to_dict()}


one = predictions_predict.sync(client=client, body=Predict(features=rows[0], request_id="of-the-client"))
several = predictions_predict_batch.sync(client=client, body=Batch(samples=[*rows, given["as_list"]]))
chosen = predictions_predict.sync(
    client=client,
    body=Predict(features=rows[0]),
    outputs=[OutputNamesItem.PREDICT, OutputNamesItem.PREDICT_PROBA],
)
wrong = predictions_predict.sync(client=client, body=Predict(features=[1, 2, 3, 4, 5, 6, 7, 8, 9]))
stranger = AuthenticatedClient(given["base"], token="wrong", auth_header_name="X-API-Key", prefix="")
refused = predictions_predict.sync(client=stranger, body=Predict(features=rows[0]))
assert isinstance(wrong, ErrorAnswer)
assert isinstance(refused, ErrorAnswer)
print(
    json.dumps(
        {
            "one": shown(one),
            "kinds": {
                "result": type(one.result).__name__,
                "prediction": type(one.result.prediction).__name__,
                "confidence": type(one.result.confidence).__name__,
                "samples": [type(each).__name__ for each in several.results],
            },
            "several": shown(several),
            "chosen": shown(chosen),
            "wrong": shown(wrong),
            "refused": shown(refused),
            "info": shown(model_info_info.sync(client=client)),
        }
    )
)
