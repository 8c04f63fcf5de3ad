"""Engines: ways of computing a fitted model's predictions."""

import os

# onnxruntime from 1.29 on reports to its maker and keeps an id of the machine in the home folder, unless
# this is set before it is imported: https://github.com/microsoft/onnxruntime/pull/27379. All that imports it
# passes here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
