# Nearkeep's commands. Each prepares what it needs by itself: `make serve` works in a fresh clone.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
KILLS ?= 2000

BIN := $(VENV)/bin
HOT_PATH := $(shell find nearkeep/wire nearkeep/engine -name '*.py') \
	$(wildcard nearkeep/server/client.py nearkeep/server/connection.py nearkeep/tiers/frame.py)

.DEFAULT_GOAL := help
.PHONY: help serve test lint fmt compile bench conformance oracle clients crash simulate lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: $(VENV)/compiled ## start a server: make serve ARGS="--port 7000"
	@$(BIN)/nearkeep serve $(ARGS)

test: $(VENV)/compiled $(VENV)/test ## run all tests, on both engines, and measure shortly
	@$(BIN)/python -m tests $(ARGS)

lint: $(VENV)/packages ## check style and types
	@$(BIN)/python -m tests style types

fmt: $(VENV)/packages ## bring the style in order
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

compile: $(VENV)/compiled ## compile the hot path

bench: $(VENV)/compiled $(VENV)/test ## measure beside Redis and Valkey: make bench ARGS="--all"
	@$(BIN)/python -m bench $(ARGS)

conformance: $(VENV)/compiled $(VENV)/test ## run Redis' own test suite
	@$(BIN)/python -m tests.conformance $(ARGS)

oracle: $(VENV)/compiled $(VENV)/test ## compare all replies with Redis'
	@$(BIN)/python -m pytest tests/oracle $(ARGS)

clients: $(VENV)/compiled $(VENV)/test ## run real clients and frameworks
	@$(BIN)/python -m pytest tests/clients $(ARGS)

crash: $(VENV)/compiled $(VENV)/test ## kill servers under load 2,000 times: make crash KILLS=100
	@NEARKEEP_KILLS=$(KILLS) NEARKEEP_CRASH_SECONDS=7200 $(BIN)/python -m pytest -q -s tests/crash $(ARGS)

simulate: $(VENV)/compiled $(VENV)/test ## fail, kill and cut the power at random for a minute: make simulate ARGS="600"
	@$(BIN)/python -m tests.simulation $(ARGS)

lock: $(VENV)/runtime ## choose the newest versions of all packages anew
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header \
		--no-annotate --python-version 3.11 pyproject.toml --group build -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header \
		--no-annotate --python-version 3.11 pyproject.toml --group test -o requirements-test.lock

clean: ## delete what was made, the environment included
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find nearkeep -name '*.so' -delete
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The files below say that a step was done; make does it again when what it depends on is newer.

$(VENV)/runtime: requirements.lock pyproject.toml
	@echo "Preparing $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit("Nearkeep needs Python 3.11 or later: make PYTHON=python3.13") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	@NEARKEEP_COMPILE=no $(BIN)/pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@

$(VENV)/compiled: $(VENV)/runtime setup.py $(HOT_PATH)
	@echo "Compiling the hot path, which takes about a minute"
	@$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

$(VENV)/packages: $(VENV)/runtime requirements-test.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-test.lock
	@touch $@

$(VENV)/test: $(VENV)/packages tests/setup.sh $(wildcard tests/clients/package-lock.json)
	@tests/setup.sh
	@touch $@
