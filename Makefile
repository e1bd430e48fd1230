# The project's commands. `make demo` and `make test` need nothing but Python 3.11 or newer with pip and venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
CASES  ?= 24

.PHONY: demo test check format bench stale clean

demo: $(VENV)/.demo            ## set up, fetch the model, and work real cases with it
	$(BIN)/journeyman models fetch
	$(BIN)/journeyman work analyst --split train --limit $(CASES)

test: $(VENV)/.dev             ## set up and run all tests
	$(BIN)/python -m pytest

check: $(VENV)/.dev            ## format, lint, types, floors, unit tests: under two minutes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy -n 2
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q -n 2 --dist worksteal --hypothesis-profile quick -m "not slow and not model and not network"

format: $(VENV)/.dev           ## let ruff put the code in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev            ## run one benchmark: make bench NAME=harness
	@$(BIN)/python -m bench.lib $(NAME)

stale: $(VENV)/.dev            ## which results are of other sources than today's, and how long each takes
	@$(BIN)/python -m bench.lib.stale

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(PIP) install -q -e '.[local,report]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(PIP) install -q -e '.[dev]'
	touch $(VENV)/.demo $@
