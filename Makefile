# The same targets for people and for CI.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test check check-without-tests lint types bench bench-savings proto e2e-keda lock clean

help:  ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# The marker files say which lock a virtual environment was built from.
$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $(PYTHON) is older than 3.11; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

run: $(VENV)/.runtime  ## start everything on this machine: embedded Postgres, replayed grid data
	@exec $(BIN)/carbon-scaler run $(ARGS)

test: $(VENV)/.dev  ## every test; installs what it needs
	@$(PYTEST) --cov --cov-report= $(ARGS)
	@$(BIN)/coverage report
	@$(BIN)/coverage report --include='carbon_scaler/domain/*,carbon_scaler/decisions/*' --fail-under=100

check: test check-without-tests  ## what CI runs

check-without-tests: lint types

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

types: $(VENV)/.dev
	@$(BIN)/mypy

proto: $(VENV)/.dev  ## generate carbon_scaler/protocol from proto/
	@$(BIN)/python -m tests.architecture.generate_protocol carbon_scaler/protocol

bench: $(VENV)/.dev  ## what an answer and a cycle of ingest cost; ARGS=--smoke for a quick look
	@$(BIN)/python -m tests.bench $(ARGS)

# Two processes that each use all cores for small matrices take longer than with one core each.
bench-savings: $(VENV)/.dev  ## what waiting and regions save on the grids in TRACES, else the shipped year
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.bench.savings $(ARGS)

e2e-keda: $(VENV)/.dev  ## prove it against the cluster in KUBECONFIG, which has KEDA
	@$(PYTEST) -m cluster tests/cluster $(ARGS)

lock:  ## pin every dependency anew, with hashes
	@$(BIN)/uv pip compile pyproject.toml --upgrade --universal --python-version 3.11 --generate-hashes --no-header -q -o requirements/runtime.txt
	@printf 'hatchling\neditables\n' | $(BIN)/uv pip compile - --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q -o requirements/build.txt
	@$(BIN)/uv pip compile pyproject.toml --group dev --upgrade --universal --python-version 3.11 --generate-hashes --no-header -q -c requirements/runtime.txt -c requirements/build.txt -o requirements/dev.txt

clean:  ## remove the virtual environment and caches, not your data
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .coverage .coverage.*
