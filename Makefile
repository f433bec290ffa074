# The project's own environment; PYTHON chooses the interpreter it is made with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := $(VENV)/.ready-for-demo
OLD_PYTHON := import sys; v = sys.version_info; sys.exit(v < (3, 10) and "salesnav-source needs Python 3.10 or newer, and this \
is %d.%d. Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" % v[:2])

DBT_READY := .venvs/dbt/.ready

.PHONY: demo dbt dashboard dashboard-shots test orchestrators crash check format bench bench-quick clean

demo: $(DEMO) ## loads the sandbox's three contracts into salesnav_sandbox.duckdb
	@echo "Loading 90 days of three invented contracts into salesnav_sandbox.duckdb …"
	@$(BIN)/python pipelines/salesnav_to_duckdb.py --sandbox

salesnav_sandbox.duckdb: | $(DEMO)
	$(MAKE) demo

dbt: $(READY) $(DBT_READY) salesnav_sandbox.duckdb ## builds the dbt package on the sandbox's file, loaded first where it is missing; makes its docs
	$(BIN)/salesnav transform --sandbox --dbt .venvs/dbt/bin/dbt --docs

dashboard: $(READY) $(DBT_READY) salesnav_sandbox.duckdb ## shows the sandbox in a browser: loads it where it is missing, and builds the models
	$(BIN)/salesnav transform --sandbox --dbt .venvs/dbt/bin/dbt
	$(BIN)/salesnav dashboard --sandbox

dashboard-shots: $(READY) $(DBT_READY) salesnav_sandbox.duckdb ## pictures of every page, by Chromium, into _work/shots
	$(BIN)/salesnav transform --sandbox --dbt .venvs/dbt/bin/dbt
	cd tests && PYTHONPATH=..:. ../$(BIN)/python -m dashboard.shots ../salesnav_sandbox.duckdb ../_work/shots

test: $(READY) ## all tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

orchestrators: $(READY) ## runs the examples for Airflow and Prefect, each in an environment of its own; minutes to install
	SALESNAV_ORCHESTRATORS=1 $(BIN)/python -m pytest tests/orchestrators

crash: $(READY) ## kills and stops runs at each step that changes a disk or a server, and runs them again; takes hours
	$(BIN)/python -m tests.runs.crash_all

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

$(READY): $(DEMO)
	@echo "Installing the drivers of the warehouses and what tests and checks need, into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable '.[bigquery,snowflake,postgres,dashboard,s3]'
	@touch $(READY)

$(DEMO): pyproject.toml constraints.txt
	@$(PYTHON) -c '$(OLD_PYTHON)'
	@echo "Installing what a load into DuckDB needs, into $(VENV) (a minute at most) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $(DEMO)

$(DBT_READY): dbt/constraints.txt $(READY)
	cd tests && ../$(BIN)/python -c "import dbt.package; dbt.package.executable()"
