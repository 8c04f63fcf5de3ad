"""What MLflow's scoring client gets, and what `mlflow.pyfunc.spark_udf` makes of it."""

import json
from typing import Any

import numpy as np
import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from steps import given, run

client, client_of_people = (ScoringServerClient("127.0.0.1", given[port]) for port in ("port", "people_port"))
rows, people = np.array(given["rows"]), pd.DataFrame(given["people"])
many = pd.DataFrame(given["many"], columns=given["names"])


def spark_batch(batch: pd.DataFrame) -> list[Any]:
    """As `batch_predict_fn` of ``spark_udf``: Arrow's usual 10,000 rows, and a data frame back."""
    predictions = client.invoke(batch, params=None).get_predictions()
    return predictions[0].tolist()


def became_ready() -> bool:
    client.wait_server_ready(timeout=10)
    return True


# Those of a model without signature, for Spark.
positions = [str(position) for position in range(many.shape[1])]
run(
    {
        "became_ready": became_ready,
        "version": client.get_version,
        "frame": lambda: client.invoke(pd.DataFrame(rows, columns=given["names"])),
        # Missing numbers go out as NaN, which is no JSON.
        "frame_with_categories": lambda: client_of_people.invoke(people),
        "frame_with_params": lambda: client_of_people.invoke(people, params={}),
        "array": lambda: client.invoke(rows),
        "records": lambda: client_of_people.invoke(json.dumps({"dataframe_records": given["records"]})),
        "instances": lambda: client.invoke(json.dumps({"instances": rows.tolist()})),
        "other_order": lambda: client_of_people.invoke(people[people.columns[::-1]]),
        "no_known_format": lambda: client.invoke(json.dumps({"rows": rows.tolist()})),
        "spark_batch": lambda: spark_batch(many),
        "spark_batch_without_names": lambda: spark_batch(many.set_axis(positions, axis=1)),
    }
)
