"""What an observer or a cache raises is logged and counted, and turns no good prediction into an error."""

import pytest

from app import create_app
from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadingOptions
from app.models.ports import CacheLookedUp, PortFailed, Predicted
from app.models.repository.store import ModelStore
from app.models.serving.served_model import ServedModel
from tests.conftest import configuration

ROW = {"features": [1, 2, 3]}


class Broken:
    """A port that raises whatever it is asked."""

    every_route = True

    def __call__(self, model, event):
        raise RuntimeError("broken observer")

    def output(self, model, rows, compute):
        raise RuntimeError("broken cache")


@pytest.fixture
def models_dir_with_a_model(client):
    return client.application.config["MODELS_DIR"]


def test_an_observer_that_raises_costs_no_answer(models_dir_with_a_model, logged):
    app = create_app(configuration(models_dir_with_a_model), observers=[Broken()])
    app.extensions["model_registry"].default.load()
    logged()
    response = app.test_client().post("/api/predict", json=ROW)
    assert (response.status_code, response.json["success"]) == (200, True)
    failed = [line for line in logged() if line["event"] == "a port failed"]
    assert [line["port"] for line in failed] == ["Broken"]
    assert failed[0]["exception"]
    counted = app.test_client().get("/metrics").get_data(as_text=True)
    assert 'port_failures_total{port="Broken"} 2.0' in counted  # of loading, and of the prediction


def test_a_cache_that_raises_costs_no_answer(models_dir_with_a_model):
    events = []
    served = ServedModel(
        ModelStore(models_dir_with_a_model),
        LoadingOptions(),
        cache=Broken(),
        observers=[Broken(), lambda model, event: events.append(event)],
    )
    served.load()
    events.clear()
    assert len(served.predict([[1, 2, 3], [3, 2, 1]]).to_dicts()) == 2
    assert [type(event) for event in events] == [PortFailed, PortFailed, Predicted]
    assert {event.port for event in events if isinstance(event, PortFailed)} == {"cache", "Broken"}


def test_a_cache_that_answers_is_believed(models_dir_with_a_model):
    class Cached(Broken):
        def output(self, model, rows, compute):
            output = compute(rows)
            return EngineOutput(output.values, output.probabilities), [True] * len(rows)

    events = []
    served = ServedModel(
        ModelStore(models_dir_with_a_model),
        LoadingOptions(),
        cache=Cached(),
        observers=[lambda model, event: events.append(event)],
    )
    served.load()
    assert served.predict([[1, 2, 3]]).cached == [True]
    assert CacheLookedUp(hits=1, misses=0) in events
