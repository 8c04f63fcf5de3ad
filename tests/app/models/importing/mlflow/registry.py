"""A registry that answers as MLflow's server does, and as a test wants it to fail."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, unquote, urlsplit

FILES = "mlflow-artifacts/artifacts/1/model/"


class FakeRegistry:
    """A model ``boxes``: ``versions`` by number, ``aliases``, and the folder of each version's files.

    ``answers`` replaces the answer to a path by status, headers and content; ``seen`` has the credentials.
    """

    def __init__(self):
        self.versions, self.aliases, self.answers, self.seen = {}, {}, {}, []
        self.artifact_uri = "mlflow-artifacts:/{version}/model"
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urlsplit(self.path)
                registry.seen.append(self.headers.get("Authorization"))
                path = unquote(parts.path.removeprefix("/api/2.0/"))
                status, headers, content = registry.answer(path, dict(parse_qsl(parts.query)))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path, query):
        """Status, headers and content."""
        if path in self.answers:
            return self.answers[path]
        if path.startswith("mlflow-artifacts/artifacts/"):
            number, _, name = path.removeprefix("mlflow-artifacts/artifacts/").partition("/model/")
            content = (self.versions[number] / name).read_bytes()
            return 200, {"Content-Length": len(content)}, content
        found = self._found(path.removeprefix("mlflow/"), query)
        status = 404 if "message" in found else 200
        return status, {}, json.dumps(found).encode()

    def _found(self, path, query):
        number = query.get("version") or self.aliases.get(query.get("alias"))
        if path == "registered-models/get":
            return {"registered_model": {"latest_versions": [{"version": n} for n in self.versions]}}
        if number not in self.versions:
            return {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not\nfound"}
        if path == "model-versions/get-download-uri":
            return {"artifact_uri": self.artifact_uri.format(version=number)}
        about = {"version": number, "status": "READY", "run_id": "r-1", "source": f"models:/m-{number}"}
        return {"model_version": about}
