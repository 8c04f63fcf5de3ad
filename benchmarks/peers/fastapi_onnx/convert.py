"""``model.pkl`` and ``scaler.pkl`` to ``model.onnx`` and ``scaler.npz``.

The scaler stays outside the graph and in float64: inside, it would round rows across the thresholds
of the trees.
"""

import joblib
import numpy as np
from skl2onnx import to_onnx

model = joblib.load("model.pkl")
scaler = joblib.load("scaler.pkl")
sample = np.zeros((1, model.n_features_in_), dtype=np.float32)
graph = to_onnx(model, sample, options={"zipmap": False})
with open("model.onnx", "wb") as file:
    file.write(graph.SerializeToString())
np.savez("scaler.npz", mean=scaler.mean_, scale=scaler.scale_)
