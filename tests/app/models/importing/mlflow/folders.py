"""Folders in MLflow's format, made by hand: as mlflow 3 writes them, but for what a test leaves out."""

import json
import pickle
import zipfile

import skops.io
import yaml

TYPES = {"float64": "double", "float32": "float", "int64": "long", "bool": "boolean"}


def signature_of(frame):
    """The columns of a frame as a signature has them."""
    return [
        {"type": TYPES.get(str(dtype), "string"), "name": name, "required": True}
        for name, dtype in frame.dtypes.items()
    ]


def example_of(frame):
    """A frame as the document of an input example."""
    return {"columns": list(frame.columns), "data": frame.to_numpy().tolist()}


def mlflow_folder(folder, model, example=None, *, form="skops", signature=(), **document):
    """Write a model, with an input example if there is one, and return its folder."""
    folder.mkdir(parents=True)
    name = {"skops": "model.skops", "pickle": "model.pkl"}[form]
    (folder / name).write_bytes(skops.io.dumps(model) if form == "skops" else pickle.dumps(model))
    flavor = {"pickled_model": name, "serialization_format": form, "sklearn_version": "1.9.1", "code": None}
    about = {"flavors": {"python_function": {"loader_module": "mlflow.sklearn"}, "sklearn": flavor}}
    about |= {"mlflow_version": "3.17.2", "model_id": None, "model_uuid": "8b87129c", "run_id": "458b288a"}
    about["signature"] = {"inputs": json.dumps(list(signature))} if signature else None
    if example is not None:
        (folder / "input_example.json").write_text(json.dumps(example))
        kind = "dataframe" if isinstance(example, dict) else "ndarray"
        about["saved_input_example_info"] = {"artifact_path": "input_example.json", "type": kind}
    (folder / "MLmodel").write_text(yaml.safe_dump(about | document))
    return folder


def zipped(folder, *, top=""):
    """The files of a folder in a zip beside it, below ``top``."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            archive.write(file, top + file.name)
    return path
