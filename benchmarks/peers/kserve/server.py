"""KServe's server with its scikit-learn model, which no package index has: ``server.py --http_port PORT``.

https://github.com/kserve/kserve/blob/master/python/sklearnserver/sklearnserver/model.py
"""

import joblib
from kserve import Model, ModelServer
from kserve.utils.utils import get_predict_input, get_predict_response


class SKLearnModel(Model):
    """As there with ``PREDICT_PROBA=true``."""

    def load(self):
        self._model = joblib.load("pipeline.pkl")
        self.ready = True
        return self.ready

    def predict(self, payload, headers=None):
        instances = get_predict_input(payload)
        return get_predict_response(payload, self._model.predict_proba(instances), self.name)


if __name__ == "__main__":
    model = SKLearnModel("model")
    model.load()
    ModelServer(enable_grpc=False, access_log_format=None).start([model])
