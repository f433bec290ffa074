# The project's own environment; PYTHON chooses the interpreter it is made with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

DBT_READY := .venvs/dbt/.ready

.PHONY: demo dbt test check format bench bench-quick clean

demo: $(READY) ## loads the sandbox's three contracts into salesnav_sandbox.duckdb
	$(BIN)/python pipelines/salesnav_to_duckdb.py --sandbox

dbt: $(READY) $(DBT_READY) ## builds the dbt package on the sandbox's file, loaded first where it is missing; makes its docs
	test -f salesnav_sandbox.duckdb || $(MAKE) demo
	$(BIN)/salesnav transform --sandbox --dbt .venvs/dbt/bin/dbt --docs

test: $(READY) ## all tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: $(READY) ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY) ## formats and mends what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## all benchmarks, with a report and a chart
	$(BIN)/python -m benchmarks

bench-quick: $(READY) ## the same in small, to see that they work
	$(BIN)/python -m benchmarks --quick

clean: ## removes what make has made
	rm -rf $(VENV) _work .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable '.[bigquery,snowflake,postgres]'
	touch $(READY)

$(DBT_READY): dbt/constraints.txt $(READY)
	cd tests && ../$(BIN)/python -c "import dbt.package; dbt.package.executable()"
