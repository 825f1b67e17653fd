# `make help` lists everything. Nothing but python3 and make has to be there; what else is needed is set up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
KIND := tests/cluster/kind/kind

.PHONY: help
help: ## List all commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed"'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: $(READY) ## Run the failing order saga on this machine and see it undone
	@$(BIN)/kubesaga run examples/order-saga-failing.yaml --state-dir build/demo; code=$$?; \
	  if [ $$code -eq 3 ]; then echo "The order failed and was undone, as it should be (exit code 3: RolledBack)."; else exit $$code; fi

.PHONY: check
check: $(READY) ## Format, lint, types, import contracts, unit and scenario tests; under a minute, no cluster
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports > build/imports.log 2>&1 || { cat build/imports.log; exit 1; }
	@$(BIN)/python -m pytest -q --collect-only tests/cluster > build/collected.log || { cat build/collected.log; exit 1; }
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target pure-tests shell-tests

check: | build

# Two halves side by side. The pure packages are covered by tests of their own, not by what the shells make of them.
SHELL_TESTS := tests/unit/controller tests/unit/cli tests/scenario/controller tests/scenario/runner
.PHONY: pure-tests shell-tests
pure-tests:
	@$(BIN)/coverage run -m pytest -q tests/unit tests/scenario $(SHELL_TESTS:%=--ignore=%)
	@$(BIN)/coverage report
shell-tests:
	@$(BIN)/python -m pytest -q $(SHELL_TESTS)

build:
	@mkdir -p build

.PHONY: generate
generate: $(READY) ## Write the CRD and the schema for editors from the models
	@$(BIN)/kubesaga crd > crds/kubesaga.dev_workflows.yaml
	@cp crds/kubesaga.dev_workflows.yaml charts/kubesaga/crds/
	@$(BIN)/kubesaga schema > docs/workflow.schema.json

.PHONY: cluster-tests
cluster-tests: $(READY) ## Tests on a real API server with real containers
	@$(BIN)/python -m pytest tests/cluster

# How many runs the simulation makes; seeds count from 0.
RUNS ?= 10000
PROVE := PYTHONPATH=tests $(BIN)/python -m
.PHONY: prove
prove: $(READY) ## Explore the model, simulate RUNS runs with faults, plant defects and see them caught
	@$(PROVE) model
	@$(PROVE) simulation --runs $(RUNS)
	@$(PROVE) defects

# What of it fits into every run of the tests: the whole model, and fewer simulated runs.
RUNS_OF_TEST ?= 500
.PHONY: proof-tests
proof-tests: $(READY)
	@$(BIN)/python -m pytest -q tests/model tests/simulation tests/defects
	@$(PROVE) model
	@$(PROVE) simulation --runs $(RUNS_OF_TEST)

.PHONY: test
test: check proof-tests cluster-tests ## Everything; what CI runs

.PHONY: bench
bench: $(READY) ## Measure against the floor on a real control plane; prints a table, writes build/bench.json
	@PYTHONPATH=tests $(BIN)/python -m bench

.PHONY: image
image: ## Build the operator's image with docker
	@docker build --tag kubesaga:$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) .

.PHONY: lock
lock: $(READY) ## Pin the dependencies anew
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --group dev pyproject.toml -o requirements-dev.lock

.PHONY: clean
clean: ## Remove what was built here
	@rm -rf build dist $(VENV) .pytest-kind
