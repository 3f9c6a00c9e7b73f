# One environment, three commands: `make install`, `make run`, `make test`. Needs Python 3.11 or newer and make.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PY ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
CONFIG ?= config.yaml
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

ifeq ($(UV),1)
SYNC = uv pip sync --quiet --python $(BIN)/python --compile-bytecode --require-hashes
else
SYNC = $(BIN)/python -m pip install --quiet --only-binary :all: --no-deps --require-hashes -r
endif
OURSELVES = $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .

.PHONY: help install run together test test-processes lint kills prove fuzz bench screenshots lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

install: $(VENV)/.ok ## the environment .venv/ from the locked dependencies

run: $(VENV)/.ok ## install, then the daemon with config.yaml on 127.0.0.1:8080
	@exec $(BIN)/priyom run --config $(CONFIG)

together: $(VENV)/.dev ## two receivers, two workers, a listener and the desk over PostgreSQL and Valkey, until Ctrl-C
	@exec $(BIN)/python -m deploy.together

test: $(VENV)/.dev ## everything: format, lint, types, imports, tests
	@$(BIN)/python -m tests

kills: $(VENV)/.dev ## the daemon killed a hundred times at random while contacts come in
	@$(BIN)/python -m pytest -q tests/daemon/test_kills.py --kills 100

test-processes: $(VENV)/.dev ## the tests of the daemon once more, as five processes over PostgreSQL and Valkey: some minutes
	@$(BIN)/python -m pytest -q --processes -rs tests/daemon

prove: $(VENV)/.dev ## the promises tried by killing, on SQLite and PostgreSQL: MINUTES=2 SEED= STORE=sqlite|postgresql|both
	@$(BIN)/python -m prove --minutes $(or $(MINUTES),2) --store $(or $(STORE),both) $(if $(SEED),--seed $(SEED))

fuzz: $(VENV)/.dev ## payloads broken by chance, 100,000 for each part of each kind of channel: twenty minutes
	@$(BIN)/python -m tests.fuzz

bench: $(VENV)/.dev ## each figure as a ratio to a floor of the same run; writes var/bench.json
	@$(BIN)/python -m bench

screenshots: $(VENV)/.dev ## the desk with a made-up company, into docs/images (needs Chromium)
	@$(BIN)/python -m tests.screenshots

lock: ## resolve the dependencies again (needs uv)
	$(LOCK) pyproject.toml build.in -o requirements.lock
	$(LOCK) --extra dev pyproject.toml build.in -o requirements-dev.lock

clean: ## remove the environment and the caches; var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage

$(BIN)/python:
	@test -n "$(PY)" || { echo "priyom needs Python 3.11 or newer on the PATH (or: make PY=/path/to/python3.11)" >&2; exit 1; }
	@$(PY) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PY) has no venv: on Debian or Ubuntu, apt install python3-venv" >&2; exit 1; }
	@$(PY) -m venv $(VENV)

$(VENV)/.ok: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV)"
	@$(SYNC) requirements.lock
	@$(OURSELVES)
	@$(BIN)/python -m compileall -q kernel channels dedup routing storage desk ingest
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.ok
	@echo "installing what the tests need into $(VENV)"
	@$(SYNC) requirements-dev.lock
	@$(OURSELVES) # uv has taken it away, as something that no lock names
	@touch $@
