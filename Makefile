# Each target sets up .venv by itself, from requirements.lock. `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
NB ?= $(shell git ls-files 'book/*.ipynb')
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout 600 \
  --nbval-kernel-startup-timeout 300 \
  --nbval-sanitize-with tests/book/nbval_sanitize.cfg

# The course's matrices are small: one thread is faster, and sums then come out the same on
# machines with different numbers of cores, as stored outputs must.
export OMP_NUM_THREADS = 1

.DEFAULT_GOAL := help
.PHONY: help setup book serve test check mutants bench bench-gpu bench-widgets format execute clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 15

# TORCH_INDEX may name PyTorch's index of CPU wheels, to spare a machine without a GPU gigabytes.
$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "This course needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1)." >&2; \
	  echo "Name another one, for example: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(PIP) --index-url $(TORCH_INDEX) "$$(grep '^torch==' requirements.lock)")
	$(PIP) -c requirements.lock -e '.[book,test]'
	@touch $@

setup: $(VENV)/installed ## install everything into .venv

book: setup ## build _build/html/index.html from scratch
	rm -rf _build
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter-book build . -W -n --keep-going
	@echo "Open _build/html/index.html"

serve: setup ## serve the built book on localhost and open it
	@test -f _build/html/index.html || $(MAKE) book
	(sleep 1; $(BIN)/python -m webbrowser "http://localhost:$(PORT)/") & \
	$(BIN)/python -m http.server $(PORT) --bind localhost --directory _build/html

test: setup ## unit, parity, notebook, book and browser tests
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder $(NBVAL)

check: setup ## ruff, pyright, import-linter, codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/codespell

mutants: setup ## break the cells' code in each way that mutmut knows; a test must fail each time
	$(PIP) -c requirements.lock -e '.[mutants]'
	rm -rf mutants
	$(BIN)/mutmut run
	$(BIN)/python tests/mutants.py

bench: setup ## time the GRU and its peers side by side: about half an hour
	$(BIN)/python -m gru_course.bench cpu
	$(BIN)/python -m gru_course.bench scan

bench-gpu: setup ## time the GRU's kernels beside cuDNN's, on an NVIDIA GPU
	$(BIN)/python -m gru_course.bench gpu

bench-widgets: setup ## print how long a redraw of each widget takes, on the built page
	$(BIN)/python -m pytest -q -rP tests/browser/bench_redraw.py

format: setup ## let ruff format and mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

execute: setup ## run notebooks and store their outputs: make execute NB=book/gating/gru.ipynb
	$(BIN)/python tests/book/execute.py $(NB)

clean: ## remove what the targets made
	rm -rf _build mutants $(VENV)
