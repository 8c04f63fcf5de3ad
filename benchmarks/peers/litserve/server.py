"""The pipeline as a LitServe server: ``server.py PORT WORKERS``."""

import sys

import joblib
import litserve


class Predictor(litserve.LitAPI):
    def setup(self, device):
        self.pipeline = joblib.load("pipeline.pkl")

    # LitServe finds the parameter by its name ``request``.
    def decode_request(self, request):
        return request["rows"]

    def predict(self, rows):
        probabilities = self.pipeline.predict_proba(rows)
        return self.pipeline.classes_[probabilities.argmax(axis=1)], probabilities

    def encode_response(self, output):
        labels, probabilities = output
        return {"predictions": labels.tolist(), "probabilities": probabilities.tolist()}


if __name__ == "__main__":
    port, workers = map(int, sys.argv[1:])
    server = litserve.LitServer(Predictor(), accelerator="cpu", workers_per_device=workers)
    server.run(host="127.0.0.1", port=port, log_level="warning", generate_client_file=False)
