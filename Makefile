# Needs Python ≥ 3.11, make and a C compiler; everything else comes from the package registry into .venv.
# `make demo` and `make test` are the two commands to know.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
COVERAGE_FLOOR := 75

.PHONY: help install demo tour test check live bench clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo     start a database with company data, the gateway and the console; Ctrl-C ends it'
	@echo 'make tour     run the whole story unattended; fails if one step does not hold'
	@echo 'make test     every test, with real servers and real clients'
	@echo 'make check    style, types, import rules, coverage of the unit tests'
	@echo 'make live     only the tests with real servers and clients'
	@echo 'make bench    measure direct, pgbouncer, a bare relay and the gateway'
	@echo 'make install  .venv with everything, which the others do by themselves'
	@echo 'make clean    delete what can be made again, .venv excepted'

install: $(INSTALLED)

$(INSTALLED): pyproject.toml
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed: set PYTHON=/path/to/python3' >&2; exit 1; }
	test -x $(BIN)/python || '$(PYTHON)' -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(INSTALLED)
	@$(BIN)/tidewaiter demo

tour: $(INSTALLED)
	@$(BIN)/tidewaiter demo --tour

test: $(INSTALLED)
	$(BIN)/python -m pytest

live: $(INSTALLED)
	$(BIN)/python -m pytest -m live

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src bench scripts
	@set -e; for folder in tests tests/*/; do files=$$(find $$folder -maxdepth 1 -name '*.py'); \
		test -z "$$files" || $(BIN)/mypy $$files; done
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_mirror.py
	$(BIN)/coverage run -m pytest -q -m 'not live'
	$(BIN)/coverage report --fail-under=$(COVERAGE_FLOOR)

bench: $(INSTALLED)
	$(BIN)/python -m bench

clean:
	rm -rf build dist src/*.egg-info .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests bench scripts -name __pycache__ -prune -exec rm -rf {} +
	find src -name '*.so' -delete
