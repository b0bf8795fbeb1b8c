# `make demo` and `make test` set up everything they need; see README.md.
SHELL := /bin/bash
BIN := .venv/bin
STAMP := .venv/.installed
HAS_SCREEN := $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname -s)))
PYTEST_ARGS ?=
# a test opens a window of a gigabyte, drawn by one core each
TEST_PROCESSES ?= 2

.PHONY: help demo test lint bench pictures sample-data clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(STAMP): pyproject.toml .ci/setup.sh
	@bash .ci/setup.sh

demo: $(STAMP) ## open the sample tiles in napari; without a screen, drive the GUI and leave pictures in demo-out/
ifeq ($(HAS_SCREEN),)
	$(BIN)/icseg demo --headless --out demo-out
else
	$(BIN)/icseg demo
endif

# a worker that crashes ends the run with the test's name; a new one would wait for ever
test: $(STAMP) lint ## run all checks and tests
	OMP_NUM_THREADS=1 LP_NUM_THREADS=1 $(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --max-worker-restart 0 $(PYTEST_ARGS)

lint: $(STAMP) ## formatting, lint, types and import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## run the benchmarks; JSON in bench-out/
	OMP_NUM_THREADS=2 $(BIN)/pytest tests/benchmarks -m bench -s $(PYTEST_ARGS)

pictures: $(STAMP) ## take the pictures of the docs again
	$(BIN)/python -m napari_icseg.demo.tour docs/images
	$(BIN)/python -m napari_icseg.demo.tour_rounds docs/images
	$(BIN)/python -m napari_icseg.demo.tour_map docs/images
	$(BIN)/python -m napari_icseg.demo.tour_results docs/images

sample-data: $(STAMP) ## make sample_data/ again, from its recorded seed
	$(BIN)/python -m trainers.data.synthetic.sample sample_data

clean: ## remove what the commands above have made, but not .venv
	rm -rf demo-out bench-out build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
