PYTHON ?= python3
BIN := .venv/bin
SERVER ?= gunicorn
# Such as --cov, which makes the tests take half as long again.
COVER ?=
# A process that has nothing left takes over from the end of another's list: most fixtures are made once.
# More than two cores: many tests wait for a server that they started.
PARALLEL := -n 3 --dist worksteal

# The tests start hundreds of processes: without this each would compile all modules anew.
test test-unit: export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help run run-gunicorn run-granian train test test-unit lint check drill drill-short drill-untimed drill-timed ages ages-short mlflow conformance dialects openapi bench docs format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: run-$(SERVER) ## Serve on http://127.0.0.1:5000, training the default model first if there is none

# The default model is made of trees, and the console explains its answers.
run-gunicorn: .venv/installed-explain
	@$(BIN)/python train_model.py --if-empty
	@$(BIN)/gunicorn run:app

run-granian: .venv/installed-granian .venv/installed-explain
	@$(BIN)/python train_model.py --if-empty
	@$(BIN)/python granian_server.py

train: .venv/installed ## Train the default model and make it the active version
	$(BIN)/python train_model.py

test: .venv/installed-dev ## Run all tests
	$(BIN)/pytest $(PARALLEL) $(COVER)

test-unit: .venv/installed-dev ## Run the tests that start no server
	$(BIN)/pytest $(PARALLEL) -m "not server and not drill"

lint: .venv/installed-dev ## Formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test ## Formatting, lint, types and all tests

drill: .venv/installed-dev ## Break a running deployment on purpose, and write what was measured into docs/reliability.md
	$(BIN)/pytest tests/drills -m drill --full --figures docs/reliability.md

drill-short: drill-untimed drill-timed ## The drills in their short form, which leaves no figures behind

drill-untimed: .venv/installed-dev
	$(BIN)/pytest tests/drills -m "drill and untimed" $(PARALLEL)

drill-timed: .venv/installed-dev
	$(BIN)/pytest tests/drills -m "drill and not untimed"

ages: .venv/installed-dev ## Compare models of old scikit-learn versions, in environments of their own, with what is served
	$(BIN)/pytest tests/exported -m drill -k full

ages-short: .venv/installed-dev ## The same for the oldest version, with a few hundred rows
	$(BIN)/pytest tests/exported -m drill -k short

mlflow: .venv/installed-dev ## Import what MLflow itself wrote, in an environment of its own: five minutes
	$(BIN)/pytest tests/mlflow -m drill

conformance: .venv/installed-dev ## Compare what is served with what hundreds of models answer, and write docs/conformance.md
	$(BIN)/python -m tests.conformance

dialects: .venv/installed-dev ## Compare the calls of all dialects with the native API, and write the table of docs/dialects.md
	$(BIN)/python -m tests.dialects

openapi: .venv/installed-dev ## Let schemathesis judge the service by its OpenAPI document, for three models: half an hour
	$(BIN)/python -m tests.openapi

bench: .venv/installed-dev ## Measure side by side with other servers: about 25 minutes, environments in .bench
	$(BIN)/python -m benchmarks setup
	$(BIN)/python -m benchmarks run

docs: .venv/installed-docs ## Build the documentation's site into site/; open site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

format: .venv/installed-dev ## Format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the virtual environment and caches, not the models
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .coverage

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/installed-explain: .venv/installed requirements-explain.txt requirements-batch.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-explain.txt -r requirements-batch.txt
	@touch $@

.venv/installed-granian: .venv/installed requirements-granian.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-granian.txt
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

.venv/installed-docs: .venv/installed requirements-docs.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	@touch $@
