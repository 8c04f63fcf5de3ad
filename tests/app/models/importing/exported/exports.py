"""Exports of models that are fitted here, and the same exports with a part changed."""

import io
import json
from zipfile import ZipFile

import numpy as np

from app.models.loading import loader
from app.models.schema.validation import validate_rows
from tools import export_model


def exported(estimator, frame):
    """The bytes of an export, with the frame as the sample."""
    content = io.BytesIO()
    columns = [frame.iloc[:, position] for position in range(frame.shape[1])]
    export_model.export(estimator, [str(name) for name in frame], columns, content)
    return content.getvalue()


def changed(content, edit=lambda document: None, arrays=None):
    """The export with its document edited, and with some arrays replaced by number."""
    found = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as before, ZipFile(found, "w") as after:
        for name in before.namelist():
            inside = before.read(name)
            if name == "export.json":
                document = json.loads(inside)
                edit(document)
                inside = json.dumps(document)
            number = name.removeprefix("arrays/").removesuffix(".npy")
            if arrays and number.isdigit() and int(number) in arrays:
                stream = io.BytesIO()
                np.save(stream, arrays[int(number)])
                inside = stream.getvalue()
            after.writestr(name, inside)
    return found.getvalue()


def attributes(node, *path):
    """The node at a path of attributes of an object's node."""
    for name in path:
        node = node["attributes"][name]
    return node


def answers(store, rows):
    """The loaded version ``v1``, and what its engine answers."""
    model = loader.load(store, "v1", loader.LoadingOptions())
    return model, model.engine.predict(validate_rows(rows, model.signature))
