# The first target lists all others.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@echo "==> virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

.PHONY: venv
venv: $(READY) ## Make the virtual environment

.PHONY: stack
stack: $(READY) ## Build the control plane of the local stack into the cache (6 to 10 minutes the first time)
	@$(BIN)/python -m devstack build

.PHONY: demo
demo: $(READY) ## Local stack, operator, sample Namespaces becoming Ready, and the proof (ONCE=1: then exit)
	@ONCE=$(ONCE) $(BIN)/python -m devstack demo

.PHONY: up
up: $(READY) ## Local stack and operator without samples; prints the KUBECONFIG
	@$(BIN)/python -m devstack up

.PHONY: image
image: $(READY) ## The operator's image, by docker, podman or buildah (IMAGE=repository:tag, BASE=python image)
	@IMAGE=$(IMAGE) BASE=$(BASE) $(BIN)/python -m devstack image

.PHONY: sbom
sbom: $(READY) ## The operator's software bill of materials (CycloneDX JSON) in dist/; the image has the same
	@$(BIN)/python -m devstack sbom

.PHONY: test
test: unit ## All tests: unit, model, contract and integration on the real stack
	@$(BIN)/python -m devstack build
	@$(BIN)/python -m pytest tests/chart tests/contract tests/integration tests/chaos

.PHONY: unit
unit: $(READY) ## Only the tests that need no server, on all processors
	@$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal tests/unit tests/model

.PHONY: prove
prove: $(READY) ## Every crash point, fault and race of the model world (FORM=short: as in CI; FAMILY=, SEED=: one of them)
	@$(if $(FORM),FORM=$(FORM)) $(if $(FAMILY),FAMILY=$(FAMILY)) $(if $(SEED),SEED='$(SEED)') $(BIN)/python -m tests.prove

.PHONY: check
check: $(READY) ## Format, lint, types, import contracts, generated files
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@PYTHONPATH=operator $(BIN)/lint-imports
	@$(BIN)/python -m devstack.generate --check

.PHONY: bench
bench: $(READY) ## What the operator costs, beside its floor (FIGURE=create,edit: these only; SCALE=small: a trial of 5 minutes)
	@$(BIN)/python -m bench run --figure '$(FIGURE)' --scale '$(or $(SCALE),full)'

.PHONY: bench-check
bench-check: $(READY) ## Compare the last results with the committed ones, and name what became worse (BASE=commit)
	@$(BIN)/python -m bench check --figure '$(FIGURE)' --scale '$(or $(SCALE),full)' --base '$(or $(BASE),HEAD)'

.PHONY: bench-picture
bench-picture: $(READY) ## Draw docs/pictures/benchmarks.svg from the last results
	@$(BIN)/python -m bench picture --scale '$(or $(SCALE),full)'

.PHONY: chaos
chaos: $(READY) ## Faults of every kind for 20 minutes while 200 Namespaces are edited, then the proof (MINUTES, NAMESPACES, SEED)
	@$(BIN)/python -m chaos

.PHONY: format
format: $(READY) ## Rewrite the code in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: docs
docs: $(READY) ## The documentation site in docs/_build/html, without network; warnings are errors
	@$(BIN)/sphinx-build --quiet --fail-on-warning --builder html docs docs/_build/html
	@echo "docs/_build/html/index.html"

.PHONY: generate
generate: $(READY) ## Write what is made from the models: the CRDs, the chart's copies, pages and diagrams of docs/
	@$(BIN)/python -m devstack.generate

.PHONY: pictures
pictures: $(READY) ## The dashboards as pictures for the docs, of what happens in the test of their expressions
	@DASHBOARDS_RECORDING=$(CURDIR)/dist/dashboards.json $(BIN)/python -m pytest tests/integration/test_dashboards.py
	@$(BIN)/python -m devstack.dashboards.pictures dist/dashboards.json docs/pictures

.PHONY: clean
clean: ## Remove the virtual environment and tool caches (the build cache stays)
	rm -rf docs/_build $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
