SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what can be made
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 18

NATIVE := hatch_build.py tools/native/build.py $(wildcard src/agent_spaces/native/*.pyx src/agent_spaces/native/*.pxd)

$(VENV)/.installed: requirements/dev.lock pyproject.toml $(NATIVE)
	@echo "Building $(VENV); this takes a minute." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed ## Build .venv from the lock file

.PHONY: demo
demo: setup ## Watch a swarm of agents work together
	@$(BIN)/spaces demo

.PHONY: test
test: setup ## Run every test
	@$(BIN)/pytest -n $(JOBS)

.PHONY: test-pure
test-pure: setup ## Run every test without the compiled modules
	@SPACES_NATIVE=0 $(BIN)/pytest -n $(JOBS) --ignore=tests/native

.PHONY: conformance
conformance: setup ## Judge a host by the wire alone; SPACES_CONFORMANCE_URL names another than the embedded one
	@$(BIN)/pytest tests/conformance -n 0

.PHONY: trouble
trouble: setup ## Kill, pause and cut off 20 workers and their host, with 20 seeds
	@SPACES_TROUBLE_SEEDS=1-20 SPACES_TROUBLE_TASKS=500 $(BIN)/pytest -n0 tests/e2e_agents

.PHONY: chaos
chaos: setup ## Break it for 25 minutes: kills, bad networks and disks, abuse, planted faults
	@$(BIN)/python tools/chaos/run.py $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(JSON),--json $(JSON))

.PHONY: check
check: setup ## Lint, types, import rules, generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/generated.py --check

.PHONY: format
format: setup ## Format and sort what can be
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: generate
generate: setup ## Write schema, vectors and reference pages anew
	@$(BIN)/python tools/generated.py

.PHONY: native
native: $(VENV)/.installed ## Compile the hot path in place; SPACES_NATIVE=0 runs without it
	@$(BIN)/python tools/native/build.py

.PHONY: lock
lock: setup ## Renew the lock files
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make lock" pyproject.toml requirements/dev.in -o requirements/dev.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make lock" pyproject.toml -o requirements/runtime.lock

.PHONY: wasm
wasm: ## Compile the module for SpacetimeDB to build/spaces.wasm, and for spaces publish
	@tools/wasm/install.sh
	@tools/wasm/build.sh build/spaces.wasm
	@cp build/spaces.wasm src/agent_spaces/ops/spaces_module.wasm

.PHONY: twin
twin: setup wasm ## Hold the module for SpacetimeDB to the fabric
	@tools/wasm/check.sh
	@CI=true $(BIN)/pytest -n $(JOBS) tests/twin

.PHONY: spaces-status
spaces-status: setup ## Ask the local host how it is
	@$(BIN)/spaces status

.PHONY: bench
bench: setup ## Measure speed beside other servers; QUICK=1 for a short run, JSON=FILE for all figures
	@$(BIN)/python bench/run.py $(if $(JSON),--json $(JSON)) $(BENCH_OPTIONS)

.PHONY: bench-peers
bench-peers: ## Install the other servers that make bench measures beside: Redis, NATS, Synapse
	@PYTHON=$(PYTHON) bench/install.sh

.PHONY: ci
ci: check test ## What CI runs
