"""A server's libraries are exempt from the full collections of garbage, which stop all requests."""

import subprocess
import sys

import pytest
from sklearn.ensemble import RandomForestClassifier

from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests.settings import ROOT

# Objects that a full collection looks at; each of the libraries below would add more than 30,000.
MOST = 10_000
SERVER = """
import gc, sys, threading
from app import create_app
from app.startup import start

app = start(create_app)
client = app.test_client()

def post(path, body):
    assert client.post(path, json=body).status_code == 200
    for thread in threading.enumerate():
        if thread.name == "engine for batches":
            thread.join()

{request}
assert {library!r} in sys.modules
print(len(gc.get_objects()))
"""
ROWS = [[float(number % 7), float(number % 5)] for number in range(100)]
REQUESTS = {
    "onnxruntime": "",
    "numba": f'post("/api/predict/batch", {{"samples": {ROWS}}})',
    "shap": f'post("/api/predict", {{"features": {ROWS[0]}, "explain": 2}})',
}


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    store = ModelStore(tmp_path_factory.mktemp("models"))
    model = RandomForestClassifier(5, random_state=0).fit(ROWS, [number % 2 for number in range(100)])
    store.activate(publish(store, model, sample=ROWS))
    return {"MODELS_DIR": str(store.root)}


@pytest.mark.parametrize("library", REQUESTS)
def test_what_a_server_imports_is_not_looked_at_again(variables, library):
    script = SERVER.format(request=REQUESTS[library], library=library)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=variables, check=True, stdout=subprocess.PIPE, text=True)
    assert int(done.stdout.splitlines()[-1]) < MOST
