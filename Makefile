# The project's own environment; PYTHON chooses the interpreter it is made with.
PYTHON ?= python3
# pip's notice about newer versions of itself
export PIP_DISABLE_PIP_VERSION_CHECK := 1
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := $(VENV)/.ready-for-demo
OLD_PYTHON := import sys; v = sys.version_info; sys.exit(v < (3, 10) and "salesnav-source needs Python 3.10 or newer, and this \
is %d.%d. Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" % v[:2])

DBT := .venvs/dbt-duckdb
DBT_READY := $(DBT)/.ready
# the drivers of the warehouses, and what tests and checks need
ALL := --constraint constraints.txt --group dev --group ducklake --editable '.[bigquery,snowflake,postgres,sqlalchemy,dashboard,s3,gcs,azure]'
# two workers; each takes a file at a time, and the files that take longest come first, see tests/conftest.py
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo dbt dashboard dashboard-shots pictures test test-all versions versions-dbt orchestrators clients crash check format findings bench bench-quick clean

demo: $(DEMO) ## loads the sandbox's three contracts into salesnav_sandbox.duckdb
	@echo "Loading 90 days of three invented contracts into salesnav_sandbox.duckdb …"
	@$(BIN)/python pipelines/salesnav_to_duckdb.py --sandbox
	@echo
	@echo "What to do next:"
	@echo "  make dashboard                        # pages on these data in a browser; installs dbt first"
	@echo "  $(BIN)/salesnav status --sandbox      # which days are loaded"
	@echo "  $(BIN)/python -c \"import duckdb; print(duckdb.connect('salesnav_sandbox.duckdb').sql('FROM salesnav.seats'))\""
	@echo "Your own data: README.md, from \"Sign in\" on."

salesnav_sandbox.duckdb: | $(DEMO)
	$(MAKE) demo

dbt: $(DEMO) $(DBT_READY) salesnav_sandbox.duckdb ## builds the dbt package on the sandbox's file, loaded first where it is missing; makes its docs
	@echo "Building and testing the marts in salesnav_sandbox.duckdb, and their docs …"
	@$(BIN)/salesnav transform --sandbox --dbt $(DBT)/bin/dbt --docs

dashboard: $(READY) $(DBT_READY) salesnav_sandbox.duckdb ## shows the sandbox in a browser: loads it where it is missing, and builds the models
	$(BIN)/salesnav transform --sandbox --dbt $(DBT)/bin/dbt
	$(BIN)/salesnav dashboard --sandbox

dashboard-shots: $(READY) $(DBT_READY) salesnav_sandbox.duckdb ## pictures of every page, by Chromium, into _work/shots
	$(BIN)/salesnav transform --sandbox --dbt $(DBT)/bin/dbt
	cd tests && PYTHONPATH=..:. ../$(BIN)/python -m dashboard.shots ../salesnav_sandbox.duckdb ../_work/shots

PICTURES := usage-seats-used-per-week inmail-inmails-by-outcome

pictures: $(READY) $(DBT_READY) salesnav_sandbox.duckdb ## the pictures in README.md and docs/, from the sandbox
	$(BIN)/salesnav transform --sandbox --dbt $(DBT)/bin/dbt
	$(BIN)/salesnav report --sandbox --format png --output _work/pictures
	for one in $(PICTURES); do cp _work/pictures/$$one.png docs/pictures/; done

test: $(READY) ## the tests but those that are marked long, which say why
	$(PYTEST) --quick

test-all: $(READY) ## all tests
	$(PYTEST)

versions: ## the main tests with the lowest and the newest of all dependencies, on each Python that is here; needs a package index
	bash tests/versions.sh

versions-dbt: $(READY) ## the dbt package on each version of dbt that is tried, and sqlfluff on it; needs a package index and npm
	SALESNAV_DBT_VERSIONS=1 $(BIN)/python -m pytest tests/dbt/test_versions.py

orchestrators: $(READY) ## runs the examples for Airflow and Prefect, each in an environment of its own; minutes to install
	SALESNAV_ORCHESTRATORS=1 $(BIN)/python -m pytest tests/orchestrators

clients: $(READY) ## runs LinkedIn's official clients and Airbyte's against the sandbox, each in an environment of its own
	SALESNAV_CLIENTS=1 $(BIN)/python -m pytest tests/clients

crash: $(READY) ## kills and stops runs at each step that changes a disk or a server, and runs them again; takes hours
	$(BIN)/python -m tests.runs.crash_all

check: $(READY) ## formatting, lint, types, and the names of the tests that `make test` keeps
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@# the tests that `make test` keeps are named, and a name that is gone would stop it
	@$(BIN)/python -m pytest --quick --collect-only -qq >/dev/null

format: $(READY) ## formats and mends what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

findings: ## tries what findings/ states of other people's software; needs a package index, takes minutes
	@mkdir -p _work/findings; failed=0; for script in findings/*.sh; do \
	  name=$$(basename $$script .sh); printed=_work/findings/$$name.txt; \
	  PYTHON=$(PYTHON) bash $$script >$$printed 2>&1; code=$$?; \
	  case $$code in \
	    0) echo "as stated  $$name" ;; \
	    75) echo "NOT TRIED  $$name: its packages cannot be installed, see $$printed"; failed=1 ;; \
	    *) echo "CHANGED    $$name: see $$printed"; failed=1 ;; \
	  esac; \
	done; exit $$failed

bench: $(READY) ## all benchmarks, with a report and a chart
	$(BIN)/python -m benchmarks

bench-quick: $(READY) ## the same in small, to see that they work
	$(BIN)/python -m benchmarks --quick

clean: ## removes what make has made
	rm -rf $(VENV) _work .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): $(DEMO)
	@echo "Installing the drivers of the warehouses and what tests and checks need, into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	@# pip for who has configured it alone, see CONTRIBUTING.md
	@$(BIN)/python -m uv pip install --quiet --python $(BIN)/python $(ALL) || $(BIN)/python -m pip install --quiet $(ALL)
	@# tests start hundreds of processes, and an environment may keep them from writing bytecode
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib salesnav_source
	@touch $(READY)

$(DEMO): pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c '$(OLD_PYTHON)'
	@echo "Installing what a load into DuckDB needs, into $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable .
	@touch $(DEMO)

$(DBT_READY): dbt/constraints.txt | $(DEMO)
	@echo "Installing dbt for DuckDB, into $(DBT) …"
	@cd tests && ../$(BIN)/python -c "import dbt.package; dbt.package.executable('dbt-duckdb')"
