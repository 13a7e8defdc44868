# Everything is set up by the targets themselves; see tools/setup.
#
#   PYTHON=python3.12      the interpreter for .venv (3.11 or newer)
#   ARGS="--port 8080"     for run, bench, plots and lock
#   PYTEST_ARGS="-k poll"  for test and crash

export PYTHON

ARGS ?=
PYTEST_ARGS ?=

bin := .venv/bin
sources = $(wildcard livevote tests bench)
# These parts are pure rules: every branch of them is tested.
complete := livevote/domain/*,livevote/protocol/*,livevote/log/*
with_browser = LIVEVOTE_CHROMIUM="$$(cat .venv/.browser)"

.DEFAULT_GOAL := help
.PHONY: help run test lint check format bench bench-quick plots browser crash soak mutants lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

run: ## set up and start the server (ARGS are passed on)
	@tools/setup run chart
	@exec $(bin)/livevote run $(ARGS)

test: ## set up and run all tests with the coverage gates; with PYTEST_ARGS, only pytest
	@tools/setup dev axe browser faketime
ifeq ($(strip $(PYTEST_ARGS)),)
	@$(bin)/coverage erase
	$(with_browser) LIVEVOTE_VARIANTS=ends $(bin)/coverage run -m pytest -n 4 --dist loadfile --no-loadscope-reorder
	@$(bin)/coverage combine --quiet
	$(bin)/coverage report
	$(bin)/coverage report --include='$(complete)' --fail-under=100
else
	$(with_browser) $(bin)/python -m pytest $(PYTEST_ARGS)
endif

lint: ## check formatting, lint rules, types and the import contracts
	@tools/setup dev
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy $(sources)
	$(bin)/lint-imports --no-logo

check: ## lint, then test
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test

format: ## format the code and apply the safe lint fixes
	@tools/setup dev
	$(bin)/ruff format .
	$(bin)/ruff check --fix .

bench: ## measure against targets and other servers (ARGS are passed on), twenty minutes
	@tools/setup dev chart bench
	@exec $(bin)/python -m bench $(ARGS)

bench-quick: ## the same in small, in less than three minutes
	@tools/setup dev chart bench
	@exec $(bin)/python -m bench --quick $(ARGS)

plots: ## measure how costs grow and draw it (ARGS are passed on), ten minutes
	@tools/setup dev chart
	@exec $(bin)/python -m bench curves $(ARGS)

browser: ## run the tests with a browser alone, in all their variants
	@tools/setup dev axe browser faketime
	$(with_browser) $(bin)/python -m pytest -m browser -n 4 --dist loadfile $(PYTEST_ARGS)

crash: ## run the crash tests alone, with three times the rounds of make test
	@tools/setup dev chart faketime
	LIVEVOTE_ROUNDS=many $(bin)/python -m pytest -m crash $(PYTEST_ARGS)

soak: ## run the crash tests for hours, and write docs/evidence
	@tools/setup dev chart faketime
	LIVEVOTE_ROUNDS=soak $(bin)/python -m pytest -m crash --durations=0 $(PYTEST_ARGS)

mutants: ## break the rules and the log in small ways and count what no test notices
	@tools/setup dev chart
	$(bin)/python -m tests.mutants

lock: ## rebuild the lock files (ARGS=--upgrade takes newer versions)
	@tools/lock $(ARGS)

clean: ## remove everything that make has made
	rm -rf .venv .venv-bench node_modules bench/peers/node_modules build dist mutants .coverage .coverage.* htmlcov
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f livevote/web/static/chart.umd.js livevote/web/static/chart.umd.LICENSE.md
	find livevote tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
