# `make deploy`, `make check` and `make test` work on a fresh machine that has python3, make and git.

PYTHON ?= python3
VENV ?= .venv
TEST_VENV ?= .venv-test
DOCS_VENV ?= .venv-docs
LATENCY ?= 2ms
BUNDLE ?= bundle
SITE ?= build/site
TEST_BIN := $(abspath $(TEST_VENV))/bin
INSTALL := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
FRAME := setup.py pyproject.toml constraints.txt .ci/tensorrt_stubs.py
PYTEST := $(TEST_BIN)/python -m pytest

.PHONY: deploy check test lint quick unit bare coverage gpu docs clean

deploy: $(VENV)/.installed
	$(VENV)/bin/compofa deploy --latency $(LATENCY) -o $(BUNDLE)

# Before a commit: lint, types and the quick tests, side by side.
check: $(TEST_VENV)/.installed
	$(MAKE) --no-print-directory --jobs 2 lint quick

# Before a merge: everything that CI runs.
test: lint bare unit

lint: $(TEST_VENV)/.installed
	$(TEST_BIN)/ruff check .
	$(TEST_BIN)/ruff format --check .
	MYPYPATH=$(abspath $(TEST_VENV))/stubs $(TEST_BIN)/mypy
	$(TEST_BIN)/lint-imports --no-cache

quick: $(TEST_VENV)/.installed
	$(PYTEST) -q -n auto --dist loadfile -m "not slow and not gpu and not network"

# The base install has no torch; this checks what it must do without it.
bare: $(VENV)/.installed
	$(VENV)/bin/python -W error .ci/bare.py

unit: $(TEST_VENV)/.installed
	$(PYTEST) -n auto --dist loadfile

# The same tests as `unit`, and the share of the lines that they ran.
coverage: $(TEST_VENV)/.installed
	$(PYTEST) -n auto --dist loadfile --cov --cov-report=term:skip-covered

# Only a machine with an NVIDIA GPU can run these tests; elsewhere each is skipped with its reason.
gpu: $(TEST_VENV)/.installed
	$(PYTEST) -m gpu -rs

# The documentation as a site with an API reference; a broken link or a docstring that cannot be read fails.
docs: $(DOCS_VENV)/.installed
	$(DOCS_VENV)/bin/python -m sphinx --fail-on-warning --keep-going --quiet --conf-dir docs . $(SITE)
	@echo "$(SITE)/index.html"

$(VENV)/.installed: $(FRAME)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(INSTALL) .
	touch $@

$(TEST_VENV)/.installed: $(FRAME)
	$(PYTHON) -m venv $(TEST_VENV)
	$(TEST_VENV)/bin/python $(INSTALL) '.[test]'
	$(TEST_VENV)/bin/python .ci/tensorrt_stubs.py $(TEST_VENV)/stubs
	touch $@

$(DOCS_VENV)/.installed: $(FRAME)
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python $(INSTALL) '.[docs]'
	touch $@

# Removes what this file installed and what the tools build. A bundle and any other environment stay.
clean:
	for folder in .venv .venv-test .venv-docs; do if [ -f "$$folder/.installed" ]; then rm -rf "$$folder"; fi; done
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
