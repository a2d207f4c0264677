# Each target sets up .venv by itself, from requirements.lock. `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
NB ?= $(shell git ls-files 'book/*.ipynb')
VENV := .venv
BIN := $(VENV)/bin
# TORCH_INDEX may name PyTorch's index of CPU wheels, to spare a machine without a GPU gigabytes.
SETUP = @PYTHON='$(PYTHON)' TORCH_INDEX='$(TORCH_INDEX)' GOAL='$(MAKECMDGOALS)' .ci/setup
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout 600 \
  --nbval-kernel-startup-timeout 300 \
  --nbval-sanitize-with tests/book/nbval_sanitize.cfg

# The course's matrices are small: one thread is faster, and sums then come out the same on
# machines with different numbers of cores, as stored outputs must.
export OMP_NUM_THREADS = 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-test book serve lab quick test browser check mutants bench bench-gpu \
  bench-widgets format execute clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 15

setup: ## install what the book and its chapters need into .venv
	$(SETUP) book

setup-test: ## install what the tests and checks need, too
	$(SETUP) test

book: setup ## build _build/html/index.html from scratch
	rm -rf _build/next
	PATH="$(CURDIR)/$(BIN):$$PATH" \
	  $(BIN)/jupyter-book build . --path-output _build/next -W -n --keep-going
	rm -rf _build/html
	mv _build/next/_build/html _build/html
	rm -rf _build/next
	@echo "Open _build/html/index.html"

serve: setup ## serve the built book on localhost and open it; another port: make serve PORT=8001
	@test -f _build/html/index.html || $(MAKE) book
	@$(BIN)/python .ci/serve.py '$(PORT)'

lab: setup ## open the chapters in JupyterLab
	$(BIN)/jupyter-lab book

quick: setup-test ## unit and parity tests, without pages, notebooks and kernels: two minutes
	$(PYTEST) tests gru_course --ignore tests/browser --ignore tests/book --ignore tests/nn/kernels \
	  --ignore tests/experiments --ignore-glob "*/bench/test_gpu*"

test: setup-test ## all tests, or one file, folder, notebook or test: make test T=tests/reference
	$(PYTEST) $(NBVAL) $(if $(T),'$(T)')

browser: ## install Chromium, which the page tests need, with apt
	@.ci/browser

check: setup-test ## ruff, pyright, import-linter, codespell; tsc and eslint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python tests/js/run.py check

mutants: ## break the cells' code in each way that mutmut knows; a test must fail each time
	$(SETUP) mutants
	rm -rf mutants
	$(BIN)/mutmut run
	$(BIN)/python tests/mutants.py

bench: setup-test ## time the GRU beside others, then hold each claim on speed to it: half an hour
	$(BIN)/python -m gru_course.bench cpu
	$(BIN)/python -m gru_course.bench scan
	$(BIN)/python -m gru_course.bench claims

bench-gpu: setup-test ## time the GRU's kernels beside cuDNN's, on an NVIDIA GPU
	$(BIN)/python -m gru_course.bench gpu

bench-widgets: setup-test ## print how long a redraw of each widget takes, on the built page
	$(BIN)/python -m pytest -q -rP tests/browser/bench_redraw.py

format: setup-test ## let ruff and eslint format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tests/js/run.py format

execute: setup ## run notebooks and store their outputs: make execute NB=book/gating/gru.ipynb
	$(BIN)/python tests/book/execute.py $(NB)

clean: ## remove what the targets made
	rm -rf _build mutants $(VENV)
