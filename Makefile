# Two commands on a fresh machine: `make deploy` and `make test`. Both need python3, make and git alone.

PYTHON ?= python3
VENV ?= .venv
TEST_VENV ?= .venv-test
LATENCY ?= 2ms
BUNDLE ?= bundle
TEST_BIN := $(abspath $(TEST_VENV))/bin
INSTALL := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
FRAME := setup.py pyproject.toml constraints.txt

.PHONY: deploy test lint unit bare clean

deploy: $(VENV)/.installed
	$(VENV)/bin/compofa deploy --latency $(LATENCY) -o $(BUNDLE)

test: lint bare unit

lint: $(TEST_VENV)/.installed
	$(TEST_BIN)/ruff check .
	$(TEST_BIN)/ruff format --check .
	$(TEST_BIN)/mypy
	$(TEST_BIN)/lint-imports --no-cache

# What the base install alone must do: it has no torch.
bare: $(VENV)/.installed
	$(VENV)/bin/python -W error .ci/bare.py

unit: $(TEST_VENV)/.installed
	$(TEST_BIN)/python -m pytest

$(VENV)/.installed: $(FRAME)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(INSTALL) .
	touch $@

$(TEST_VENV)/.installed: $(FRAME)
	$(PYTHON) -m venv $(TEST_VENV)
	$(TEST_VENV)/bin/python $(INSTALL) '.[test]'
	touch $@

clean:
	rm -rf $(VENV) $(TEST_VENV) $(BUNDLE) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
