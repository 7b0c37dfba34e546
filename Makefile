# What a developer types. `make` alone explains itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Most tests wait for something: eight at a time take a fraction of the time, also on two cores. Who has
# nothing left takes from another, or the longest file alone would be the end of the run.
SIDE_BY_SIDE := -n 8 --dist worksteal
# Each of them collects all tests: without compiled files that is a quarter of a minute of a core.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test coverage test-others soak breakages check fuzz camara bench hour chaos mutants man screenshots wheel sbom dated audit lock clean

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed ## install what is needed (the first time) and run everything, with samples (CONSOLE_PORT=9001)
	@exec $(BIN)/receiver up --demo $(if $(CONSOLE_PORT),--console-port $(CONSOLE_PORT))

test: $(VENV)/compiled ## run the tests
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --ignore=tests/carriers
	@$(MAKE) --no-print-directory coverage

# These wait for nothing: more at a time than there are cores would only collect them more often.
coverage: $(VENV)/installed-dev ## run the carriers' tests; fail where they reach less of the carriers than they do
	$(BIN)/python -m pytest -n auto --maxprocesses 6 --dist worksteal tests/carriers --cov=receiver.carriers --cov=receiver.contract \
	  --cov-branch --cov-report= --cov-fail-under=95

test-others: $(VENV)/installed-dev ## run the fast tests on each other Python from 3.11 on that is here
	@PYTHON=$(BIN)/python .ci/others

soak: $(VENV)/installed-dev ## run the tests that take hours: failover, overload, 100,000 histories (HISTORIES=3000)
	$(BIN)/python -m pytest -m soak

breakages: $(VENV)/installed-dev ## break each script on purpose: the models must notice every time
	$(BIN)/python -m pytest -n 2 -m soak tests/models -k broken

check: $(VENV)/installed-dev ## lint, format, types, import contracts, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

fuzz: $(VENV)/installed-dev ## send the web process 10,000 broken requests, read 2,000 of each kind (minutes)
	FUZZ=10000 $(BIN)/python -m pytest tests/web/test_hostile.py tests/web/test_openapi.py tests/carriers

camara: $(VENV)/installed-dev ## fetch CAMARA's own definitions, which the tests compare with (into var/camara)
	$(BIN)/python -m tests.support.camara_download

bench: $(VENV)/installed-dev $(VENV)/installed-bench ## measure, next to the peers, into benchmarks/RESULTS.md (takes long)
	$(BIN)/python -m benchmarks.run

hour: $(VENV)/installed-bench ## an hour of steady load with three sinks (MINUTES=5 RATE=5000)
	$(BIN)/python -m benchmarks.hour --minutes $(or $(MINUTES),60) --rate $(or $(RATE),5000)
	$(BIN)/python -m benchmarks.run --render

chaos: $(VENV)/installed-dev ## five minutes of faults under load, into docs/chaos (SEED=7 SECONDS=60 SPOOL=off)
	$(BIN)/python -m tests.chaos --seconds $(or $(SECONDS),300) $(if $(SEED),--seed $(SEED)) \
	  $(if $(filter off,$(SPOOL)),--without-spool)

mutants: $(VENV)/installed-dev ## change one thing at a time; say which changes no test notices (ROOM=web SEED=7 COUNT=10)
	$(BIN)/python -m tests.mutants $(if $(ROOM),--room $(ROOM)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(COUNT),--count $(COUNT))

man: $(VENV)/installed ## make the man page from what --help prints
	@mkdir -p deploy/man
	$(BIN)/python -m receiver.cli.man_page > deploy/man/receiver.1

screenshots: $(VENV)/installed-dev ## make the README's pictures of the console (needs chromium)
	$(BIN)/python -m tests.console.browser.screenshots

wheel: $(VENV)/installed-dev dated ## build the wheel into dist: of one commit always the same bytes; print its SHA-256
	@rm -f dist/*.whl
	SOURCE_DATE_EPOCH=$(SOURCE_DATE) $(BIN)/python -m hatchling build --target wheel --directory dist
	@cd dist && sha256sum *.whl

sbom: $(VENV)-audit/installed dated ## write dist/sbom.json, CycloneDX: all that an installation has, with licences (LOCK=requirements-embedded.lock)
	@rm -rf $(VENV)-sbom && mkdir -p dist && $(PYTHON) -m venv --without-pip $(VENV)-sbom
	$(AUDIT)/pip --python $(VENV)-sbom --disable-pip-version-check install --quiet --require-hashes -r $(LOCK)
	@sed 's/^dynamic = .*/version = "$(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' receiver/__init__.py)"/' pyproject.toml > $(VENV)-sbom/pyproject.toml
	SOURCE_DATE_EPOCH=$(SOURCE_DATE) $(AUDIT)/cyclonedx-py environment --output-reproducible \
	  --pyproject $(VENV)-sbom/pyproject.toml --output-file dist/sbom.json $(VENV)-sbom

# What is built has the date of the commit; an exported tree has none.
dated:
	@[ -n "$(SOURCE_DATE)" ] || { \
	  echo "SOURCE_DATE_EPOCH is not set, and there is no git history: set it to the commit's time in seconds" >&2; \
	  exit 1; }

audit: $(VENV)-audit/installed ## ask PyPI whether a hole is known in anything that is pinned; fail where it does not say
	@failed=; for lock in requirements*.lock; do \
	  echo "$$lock"; $(AUDIT)/pip-audit --strict --disable-pip --require-hashes -r $$lock || failed=yes; \
	done; [ -z "$$failed" ]

lock: ## pin the dependencies anew: newest versions that pyproject.toml allows, with hashes
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet uv
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra embedded --constraint requirements.lock --output-file requirements-embedded.lock pyproject.toml
	$(COMPILE) --extra otel --constraint requirements.lock --output-file requirements-otel.lock pyproject.toml
	$(COMPILE) --extra embedded --extra otel --group dev --constraint requirements-embedded.lock --constraint requirements-otel.lock --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) --group bench --constraint requirements.lock --output-file requirements-bench.lock
	$(COMPILE) --group audit --output-file requirements-audit.lock
	rm -rf $(VENV)-lock

clean: ## remove what was installed; the data in ./var stay
	rm -rf $(VENV) $(VENV)-*

AUDIT := $(VENV)-audit/bin
LOCK := requirements.lock
SOURCE_DATE = $${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}
COMPILE := $(VENV)-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

# Stamps: what is installed already is not installed again.
$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed, and $(PYTHON) is not: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# On stderr: the stdout of `make run` is for the events.
$(VENV)/installed: $(VENV)/created requirements-embedded.lock pyproject.toml
	@echo "installing into $(VENV) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-embedded.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	@echo "installing what the tests need ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# pytest compiles tests in its own way, as it collects them; those side by side would do it all alike.
$(VENV)/compiled: $(VENV)/installed-dev
	@for part in 'tests/[a-f]*/' 'tests/[g-z]*/'; do \
	  $(BIN)/python -m pytest --collect-only -q $$part > /dev/null & \
	done; wait
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed requirements-bench.lock
	@echo "installing what the benchmarks need ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

$(VENV)-audit/installed: $(VENV)/created requirements-audit.lock
	@echo "installing what audits ..." >&2
	@$(PYTHON) -m venv $(VENV)-audit
	@$(AUDIT)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	@touch $@
