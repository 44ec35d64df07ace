# make tune: set everything up and run the main job.  make test: set up and run all tests.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STUDY ?= deployments/studies/fraud_desk.yaml
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: help setup tune test check format bench clean
help:
	@echo "make tune    set up, then run the whole pipeline on $(STUDY)"
	@echo "make test    set up, then run every test"
	@echo "make check   lint, format, types, borders, fast tests (about three minutes)"
	@echo "make bench   measure, and print the benchmark table (about ten minutes)"
	@echo "make clean   remove what runs have made (data/runs, data/cache)"

setup: $(VENV)/.ready
$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'seektune needs Python 3.11 or newer; set PYTHON=/path/to/python3.11')"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	$(PY) -m seektune.text.augmentation.wordnet
	@touch $@

tune: setup
	$(PY) -m seektune.cli.main tune "$(STUDY)"

test: setup
	$(PY) -m pytest -n 2 --dist loadgroup

check: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -q -n 2 -m "not slow and not flow and not real" -x

format: setup
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: setup
	$(PY) -m benchmarks.overhead
	$(PY) -m benchmarks.steps
	$(PY) -m benchmarks.table overhead steps

clean:
	rm -rf data/runs data/cache
