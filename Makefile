# The two commands of the README are `make demo` and `make test`; both prepare .venv from the lock file first.
SHELL := /bin/sh
BIN := .venv/bin

.PHONY: help demo test lint unit bench backtest docs lock clean
help:            ## Show this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.ready: requirements.lock pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh

# The first command compiles what it imports, beside what it waits for; whatever the environment says, that is kept.
demo: .venv/.ready  ## Run the whole path over a simulated company
	@PYTHONDONTWRITEBYTECODE= $(BIN)/saleshouse demo

lint: .venv/.ready  ## Lint, format, types, SQL style, dbt parse
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --processes 2 dbt/models dbt/tests
	$(BIN)/python -m warehouse --parse

unit: .venv/.ready  ## The tests that need no built warehouse
	$(BIN)/python -m warehouse --parse
	$(BIN)/pytest -n 2 --dist loadgroup -m "not slow and not whole" tests

test: lint          ## Everything that a change must pass
	$(BIN)/pytest -n 2 --dist loadgroup -m "not slow" tests

bench: .venv/.ready ## Measure builds against a hand-written floor (SIZE=S or M)
	@$(BIN)/python -m bench --size $(or $(SIZE),S)

backtest: .venv/.ready  ## Judge the forecast on twelve kinds of generated companies, fifteen of each (twenty minutes)
	@OMP_NUM_THREADS=1 $(BIN)/python -m bench.forecast

docs: .venv/.ready  ## Write models, columns and lineage as one page, var/docs.html
	@$(BIN)/python -m warehouse --docs var/docs.html

lock: .venv/.ready  ## Resolve pyproject.toml anew into requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 \
		--no-header --upgrade --output-file requirements.lock

clean:           ## Remove the environment and everything built
	rm -rf .venv dbt/target .mypy_cache .ruff_cache .pytest_cache
