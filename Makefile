# newsrec: `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || echo python3)
SERVE ?= 1
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
PACKAGES := common infra/postgres pipelines services/api services/hooks services/mailer

export UV_SYSTEM_CERTS := true
export DO_NOT_TRACK := true
export DVC_NO_ANALYTICS := 1
export GIT_COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)

##@ To start with
.PHONY: demo
demo: setup  ## Run the whole loop on a simulated world, then serve it on http://127.0.0.1:8000
	@$(BIN)/newsrec demo $(if $(filter 0,$(SERVE)),--no-serve)

.PHONY: next-run
next-run: setup  ## Bring in the clicks made on the demo page and write the slates anew
	@$(BIN)/newsrec demo --next-run

.PHONY: test
test: setup airflow-setup  ## Run every test; those of the images skip where nothing can build them
	@# In the order of the folders: files of one long test would come last, and one worker would end alone.
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=25

.PHONY: check
check: setup  ## Check what changed since origin/main by ruff, and run the unit tests that are not slow
	@base="$$(git merge-base HEAD origin/main 2>/dev/null || echo HEAD)"; \
		{ git diff --name-only --diff-filter=d "$$base" -- '*.py'; git ls-files --others --exclude-standard '*.py'; } \
		| xargs -r sh -c '$(BIN)/ruff format --check --force-exclude "$$@" && $(BIN)/ruff check --force-exclude "$$@"' ruff
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m "not slow" tests/unit

.PHONY: setup
setup: $(VENV)/.ready  ## Make the virtual environment from the locks

.PHONY: clean
clean:  ## Stop the embedded PostgreSQL and remove everything that was made
	@# demo-real, ebnerd and dvc have servers of their own, which a command that failed leaves running.
	@if [ -x $(BIN)/newsrec-db ]; then \
		for var in var/*/postgres var/postgres; do \
			if [ -d $$var ]; then NEWSREC_VAR=$${var%/postgres} $(BIN)/newsrec-db stop || true; fi; \
		done; fi
	rm -rf var $(VENV) $(AIRFLOW) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z][a-z-]*:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Environments
$(VENV)/.ready: requirements/dev.txt $(PACKAGES:%=%/pyproject.toml)
	@echo "Setting up $(VENV)"
	@date +%s > .setup-began
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		"$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements/dev.txt)"
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(PACKAGES:%=-e %)
	@touch $@
	@echo "Set up in $$(( $$(date +%s) - $$(cat .setup-began) )) s" && rm .setup-began

# Airflow pins half of PyPI, so it lives alone; its tasks run the programs of the other environment.
AIRFLOW := .venv-airflow
$(AIRFLOW)/.ready: requirements/airflow.txt $(VENV)/.ready
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python $(AIRFLOW)
	@$(UV) pip sync --quiet --python $(AIRFLOW)/bin/python --require-hashes requirements/airflow.txt
	@touch $@

.PHONY: airflow-setup
airflow-setup: $(AIRFLOW)/.ready  ## Make Airflow's own virtual environment from its lock

.PHONY: lock
lock: $(VENV)/.ready  ## Compile requirements/*.in into hashed locks, one version of a package everywhere
	@$(BIN)/python requirements/lock.py

##@ Checks, measurements and models
.PHONY: lint
lint: setup airflow-setup  ## Check format, rules, types, imports, locks, YAML, JSON schemas, shell and workflows
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(PACKAGES:%=%/src)
	@$(BIN)/mypy infra/airflow infra/deploy infra/kind
	@MYPYPATH=pipelines/dags $(BIN)/mypy --python-executable $(AIRFLOW)/bin/python --cache-dir .mypy_cache/airflow \
		pipelines/dags
	@$(BIN)/lint-imports
	@$(BIN)/python requirements/lock.py --check
	@$(BIN)/yamllint --strict .
	@$(BIN)/check-jsonschema --check-metaschema contracts/*/*.schema.json tests/k8s/*.schema.json
	@$(BIN)/shellcheck .ci/* $$(git ls-files '*.sh')
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	@$(BIN)/zizmor --offline --quiet --no-progress .github
	@$(BIN)/hadolint infra/docker/Dockerfile
	@$(MAKE) --no-print-directory docs

.PHONY: docs
docs: setup  ## Build the documentation as a site in var/site; a broken link fails
	@# Not --quiet: it hides the warnings from --strict too.
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: coverage
coverage: setup  ## Run the unit tests and fail when they reach less than the gate in pyproject.toml
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term:skip-covered tests/unit

.PHONY: manifests
manifests: setup  ## Build every overlay and check what Kubernetes and Kong would be given
	@$(BIN)/pytest tests/k8s

.PHONY: bench-full
bench-full: setup  ## Measure training and slates at 15k, 150k and 521k readers; hours. ARGS="--readers 5000"
	@$(BIN)/python -m benchmarks.full $(ARGS)

.PHONY: repro
repro: setup  ## Reproduce world, features, model and evaluation with DVC, in var/dvc
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/dvc repro

.PHONY: build-model
build-model: setup  ## Build the last commit's model as a tested package in var/index: DATE=2026-03-03
	@test -n "$(DATE)" || { echo "say which day to train on: make build-model DATE=2026-03-03" >&2; exit 2; }
	@$(BIN)/newsrec build-model --date "$(DATE)" $(ARGS)

##@ Database
.PHONY: db-start
db-start: setup  ## Start the embedded PostgreSQL (or use DATABASE_URL) and migrate it
	@$(BIN)/newsrec-db start

.PHONY: db-stop
db-stop: setup  ## Stop the embedded PostgreSQL
	@$(BIN)/newsrec-db stop

.PHONY: db-status
db-status: setup  ## Say whether the embedded PostgreSQL runs
	@$(BIN)/newsrec-db status

.PHONY: psql
psql: setup  ## Open psql on the database
	@$(BIN)/newsrec-db psql

##@ Airflow
.PHONY: airflow
airflow: setup airflow-setup  ## Start Airflow with the DAGs on http://127.0.0.1:8080 until Ctrl-C; AIRFLOW_PORT=8081
	@$(BIN)/python -m infra.airflow.laptop

##@ Images
IMAGES := api mailer hooks pipelines airflow mlflow
ENGINE ?= $(shell command -v docker || command -v podman)
TAG ?= dev
.PHONY: images
images:  ## Build all images with docker or podman; TAG=dev, ENGINE=path, IMAGES="api mailer"
	@test -n "$(ENGINE)" || { echo "make images needs docker or podman, and neither is here" >&2; exit 2; }
	@for image in $(IMAGES); do \
		"$(ENGINE)" build --target "$$image" --tag "docker.io/newsrec/$$image:$(TAG)" --build-arg GIT_COMMIT="$(GIT_COMMIT)" \
			--file infra/docker/Dockerfile . ; done

##@ The whole system in a cluster on this machine
.PHONY: up
up: setup  ## Bring everything up on kind, to a slate through Kong; again: bring it to this tree and to today
	@$(BIN)/python -m infra.kind up

.PHONY: status
status: setup  ## Say how the cluster's parts do, and where its pages are
	@$(BIN)/python -m infra.kind status

.PHONY: logs
logs: setup  ## Show the last lines of every pod, or follow those of one name: APP=api
	@$(BIN)/python -m infra.kind logs

.PHONY: down
down: setup  ## Remove the cluster on kind with its data
	@$(BIN)/python -m infra.kind down

.PHONY: canary
canary: setup  ## Give the API's next version a share of the requests: WEIGHT=10; elsewhere CONTEXT=name IMAGE=name:tag
	@$(BIN)/python -m infra.kind canary

.PHONY: canary-promote
canary-promote: setup  ## Make the canary the stable version
	@$(BIN)/python -m infra.kind canary-promote

.PHONY: canary-abort
canary-abort: setup  ## Send everything to the stable version, and end the canary
	@$(BIN)/python -m infra.kind canary-abort

##@ Runs on real data, and their page
.PHONY: mlflow
mlflow: setup  ## Open MLflow's page of the trainings on http://127.0.0.1:5000 until Ctrl-C; MLFLOW_PORT=5001
	@$(BIN)/newsrec tracking page

DEMO_REAL := NEWSREC_VAR=var/real NEWSREC_PARAMS=params-deskdrop.yaml
.PHONY: demo-real
demo-real: setup  ## Run the main job on the real Deskdrop interactions: DATA=path of its folder
	@test -n "$(DATA)" || { echo "say where Deskdrop is: make demo-real DATA=path" >&2; exit 2; }
	@$(DEMO_REAL) $(BIN)/newsrec-db start
	@$(DEMO_REAL) $(BIN)/newsrec import deskdrop "$(DATA)"
	@$(DEMO_REAL) $(BIN)/newsrec etl --from 2016-03-14 --to 2017-02-28
	@$(DEMO_REAL) $(BIN)/newsrec backtest --no-ablation
	@$(DEMO_REAL) $(BIN)/newsrec train --date 2017-02-27
	@$(DEMO_REAL) $(BIN)/newsrec recommend --date 2017-02-28
	@$(DEMO_REAL) $(BIN)/newsrec-db stop

EBNERD := NEWSREC_VAR=var/ebnerd NEWSREC_PARAMS=params-ebnerd.yaml
.PHONY: ebnerd
ebnerd: setup  ## Rank EB-NeRD's validation week by a model of its train week: DATA=path of ebnerd_demo.zip or a folder
	@test -n "$(DATA)" || { echo "say where EB-NeRD is: make ebnerd DATA=path" >&2; exit 2; }
	@$(EBNERD) $(BIN)/newsrec-db start
	@$(EBNERD) $(BIN)/newsrec import ebnerd "$(DATA)"
	@$(EBNERD) $(BIN)/newsrec etl --from 2023-04-27 --to 2023-06-01
	@$(EBNERD) $(BIN)/newsrec backtest --mode impressions --train-until 2023-05-24 --no-ablation
	@$(EBNERD) $(BIN)/newsrec-db stop
