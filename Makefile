# Needs Python ≥ 3.11 and make; everything else comes from the package registry into .venv. Where a C compiler is, the
# hot modules are compiled; TIDEWAITER_MYPYC=0 keeps them uncompiled, TIDEWAITER_MYPYC=1 insists.
# `make demo` and `make test` are the two commands to know.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
COVERAGE_FLOOR := 93
# Bytecode is kept, whatever the environment says: without it each process that a test starts, and each of pytest's
# workers, compiles every module anew.
unexport PYTHONDONTWRITEBYTECODE
# Whole files, as the tests of one share servers; in their order, as the last ones are short.
WORKERS := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help install compiled demo tour test check live corpus classify-report worlds sanitize fuzz bench regress clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo     start a database with company data, the gateway and the console; Ctrl-C ends it'
	@echo 'make tour     run the whole story unattended; fails if one step does not hold'
	@echo 'make test     every test, with the compiled modules, real servers and real clients'
	@echo 'make check    style, types, import rules, coverage of the unit tests on the uncompiled modules'
	@echo 'make live     only the tests with real servers and clients'
	@echo 'make sanitize tests of what is written in C, under the address sanitizer'
	@echo 'make fuzz     FUZZ_S=600: what is written in C beside its twin in Python, under fuzzer and sanitizers'
	@echo 'make worlds   run every masking attack in two worlds and print leaks, refusals and errors'
	@echo 'make corpus   evasions that got through and harmless statements that were refused'
	@echo 'make classify-report  precision, recall and misses of classify, on generated columns'
	@echo 'make bench    measure direct, pgbouncer, a bare relay and the gateway'
	@echo 'make regress  SOURCE=… PostgreSQL source tree: its own regression suite, directly and through the gateway'
	@echo 'make install  .venv with everything, which the others do by themselves'
	@echo 'make clean    delete what can be made again, .venv excepted'

install: compiled

# By digest, not by time: what is compiled is never older than its source, see src/tidewaiter/extensions.py.
compiled: $(INSTALLED)
	@$(BIN)/python src/tidewaiter/extensions.py || { \
		echo 'compiling the hot modules (half a minute)' >&2; \
		$(BIN)/python setup.py --quiet build_ext --inplace > .venv/compiled.log 2>&1; found=$$?; \
		grep '^tidewaiter: ' .venv/compiled.log >&2; \
		test $$found = 0 || { tail -30 .venv/compiled.log >&2; exit $$found; }; }

$(INSTALLED): pyproject.toml
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed: set PYTHON=/path/to/python3' >&2; exit 1; }
	test -x $(BIN)/python || '$(PYTHON)' -m venv .venv
	TIDEWAITER_MYPYC=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: compiled
	@$(BIN)/tidewaiter demo

tour: compiled
	@$(BIN)/tidewaiter demo --tour

test: compiled
	$(BIN)/python -m pytest $(WORKERS)

live: compiled
	$(BIN)/python -m pytest -m live $(WORKERS)

corpus: compiled
	$(BIN)/python tests/corpus/report.py

classify-report: $(INSTALLED)
	$(BIN)/python tests/corpus/discovery/discovery_report.py

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src bench scripts
	@set -e; for folder in tests tests/*/; do files=$$(find $$folder -maxdepth 1 -name '*.py'); \
		test -z "$$files" || $(BIN)/mypy $$files; done
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_mirror.py
	$(BIN)/coverage erase
	TIDEWAITER_MYPYC=0 $(BIN)/coverage run -m pytest -q -m 'not live' $(WORKERS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=$(COVERAGE_FLOOR)

sanitize: $(INSTALLED)
	$(BIN)/python scripts/sanitize.py

# One target after another, each for FUZZ_S seconds; what is found interesting is kept in .fuzz/ for the next time.
FUZZ_S ?= 600
fuzz: $(INSTALLED)
	@set -e; for target in skeletons entries trees bodies masked_rows sessions; do mkdir -p .fuzz/$$target; \
		$(BIN)/python fuzz/native.py $$target -max_total_time=$(FUZZ_S) -max_len=1200 -len_control=0 -timeout=60 \
			-rss_limit_mb=4096 -artifact_prefix=.fuzz/ .fuzz/$$target; done

worlds: $(INSTALLED)
	$(BIN)/python tests/corpus/masking/oracle.py --random 300

bench: compiled
	$(BIN)/python -m bench

# Needs PostgreSQL 15 and its headers (postgresql-server-dev-15), a C compiler, and a source tree of that version.
regress: compiled
	$(BIN)/python -m bench.regress '$(SOURCE)' --twice $(REGRESS)

clean:
	rm -rf build dist src/*.egg-info .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests bench scripts -name __pycache__ -prune -exec rm -rf {} +
	find src -name '*.so' -delete
	rm -f src/tidewaiter/extensions.txt
