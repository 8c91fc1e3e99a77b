# Two commands on a fresh machine: `make deploy` and `make test`. Both need python3, make and git alone.

PYTHON ?= python3
VENV ?= .venv
TEST_VENV ?= .venv-test
LATENCY ?= 2ms
BUNDLE ?= bundle
TEST_BIN := $(abspath $(TEST_VENV))/bin
INSTALL := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
FRAME := setup.py pyproject.toml constraints.txt .ci/tensorrt_stubs.py

.PHONY: deploy test lint unit gpu bare clean

deploy: $(VENV)/.installed
	$(VENV)/bin/compofa deploy --latency $(LATENCY) -o $(BUNDLE)

test: lint bare unit

lint: $(TEST_VENV)/.installed
	$(TEST_BIN)/ruff check .
	$(TEST_BIN)/ruff format --check .
	MYPYPATH=$(abspath $(TEST_VENV))/stubs $(TEST_BIN)/mypy
	$(TEST_BIN)/lint-imports --no-cache

# What the base install alone must do: it has no torch.
bare: $(VENV)/.installed
	$(VENV)/bin/python -W error .ci/bare.py

# Tests of training interrupt their own process, which a worker of many would not survive.
unit: $(TEST_VENV)/.installed
	$(TEST_BIN)/python -m pytest -n auto --dist loadfile --ignore tests/compofa_deploy/training
	$(TEST_BIN)/python -m pytest tests/compofa_deploy/training

# What only a machine with an NVIDIA GPU can show; elsewhere it is skipped, and says why.
gpu: $(TEST_VENV)/.installed
	$(TEST_BIN)/python -m pytest -m gpu -rs

$(VENV)/.installed: $(FRAME)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(INSTALL) .
	touch $@

$(TEST_VENV)/.installed: $(FRAME)
	$(PYTHON) -m venv $(TEST_VENV)
	$(TEST_VENV)/bin/python $(INSTALL) '.[test]'
	$(TEST_VENV)/bin/python .ci/tensorrt_stubs.py $(TEST_VENV)/stubs
	touch $@

# What this file installed and what the tools build. A bundle is a result and stays, and so does any other environment.
clean:
	for folder in .venv .venv-test; do if [ -f "$$folder/.installed" ]; then rm -rf "$$folder"; fi; done
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
