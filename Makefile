# Every target works on a fresh machine with make and Python 3.11 to 3.13.
# The first that runs and is of a fit version: a name alone may be the shim of one not installed.
FIT := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c '$(FIT)' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin
UV := 0.13.9
INSTALLER := .venv/uv-$(UV)
INSTALL := $(BIN)/uv pip install --python $(BIN)/python --require-hashes
FREE_GB := 5
PIP_AUDIT := 2.10.1

.DEFAULT_GOAL := help
.PHONY: help setup demo test faults check bench bench-full bench-compare given-base soak audit clean lock

help: ## show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## make .venv from the locked packages and fill the compile cache

# A venv without pip is what a failed attempt leaves: it is begun again.
$(INSTALLER):
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(FIT)' || \
		{ echo "Python 3.11 to 3.13 is needed: install one, or name it with PYTHON=..."; exit 2; }
	@echo "[1/4] .venv with $$($(PYTHON) --version)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a venv: apt-get install python3-venv, then make setup"; exit 2; }
	@echo "[2/4] installer: uv $(UV)"
	@$(BIN)/python -m pip install --disable-pip-version-check uv==$(UV)
	@touch $@

# A line for each large download; not the list of all that was installed.
# PySpark comes as source. Built in the installer's own cache it left 2.4 GB there, and as much again
# each time where the index does not say how long a file is good. So it is built in a folder that
# goes; of the rest the cache keeps 1.7 GB, once.
.venv/ready: requirements.lock pyproject.toml | $(INSTALLER)
	@echo "[3/4] packages (2.1 GB on disk), each checked against its hash in requirements.lock"
	@rm -rf .venv/filled .venv/building
	@test -e $@ || { free=$$(df -Pk .venv | awk '{for (i = 2; i <= NF; i++) if ($$i ~ /^[0-9]+%$$/) \
		print int($$(i - 1) / 1e6)}'); test "$${free:-$(FREE_GB)}" -ge $(FREE_GB) || \
		{ echo "$$free GB are free here: packages need $(FREE_GB) while they are installed"; exit 2; }; }
	@awk '/^pyspark==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > .venv/source.lock
	@{ $(INSTALL) --cache-dir .venv/building --no-deps -r .venv/source.lock && \
		rm -rf .venv/building && $(INSTALL) -r requirements.lock && touch .venv/filled; } 2>&1 \
		| grep --line-buffered -v '^ [+~-] '; rm -rf .venv/building; test -e .venv/filled
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@echo "[4/4] compiling kernels (once for each change of a kernel or processor)"
	@$(BIN)/silverbullet warm
	@touch .venv/ready

demo: setup ## everything on embedded parts, dashboard on http://127.0.0.1:8050
	@$(BIN)/silverbullet demo

# Two processes, whole files each, in order, which has the longest first: much of it waits.
# 12 min instead of 18 on two processors. It starts hundreds of processes: where bytecode may not
# be written each compiles what it imports, and a part starts with 1.5 s of the processor, not 0.6.
# Of the last five whole runs on busy machines three failed by one test of 3100, another each time,
# that waits for processes and passed alone. So up to three that failed are tried once more, alone,
# and both attempts are printed; what fails again fails, and so does a run that was not whole.
test: setup ## run the tests; up to three that fail beside others once more, alone
	@rm -f .pytest_cache/again
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder || \
		{ test -s .pytest_cache/again && echo "once more, alone: what failed above" && \
		env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest @.pytest_cache/again; }

faults: setup ## kill, halt and slow down real engines under load, a hundred times (40 min)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -m long -s

check: setup ## format, lint, types, order of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup ## measure a short form on embedded parts beside its peers (10 min), with an HTML report
	@$(BIN)/silverbullet bench full --short

bench-full: setup ## measure all of it on a real Kafka (5.2 h); goes on where it was ended
	@$(BIN)/silverbullet bench full

bench-compare: $(if $(BASE),setup,given-base) ## what got slower: BASE='FILE.json ...' [NEW=FILE.json], else the newest kept result
	@$(BIN)/silverbullet bench compare $(BASE) $(or $(NEW),--newest)

given-base: # in place of setup, which takes a minute
	@echo "make bench-compare BASE='FILE.json ...' [NEW=FILE.json]: results of one benchmark, several BASEs its sessions; without NEW the newest that was kept" >&2; exit 2

soak: setup ## run everything on a real Kafka for 30 minutes; slopes of memory, descriptors, latency
	@$(BIN)/silverbullet bench soak

lock: $(INSTALLER) ## renew requirements.lock from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock

# It exits with 1 for a finding and for a database that does not answer; only the first is written.
audit: $(INSTALLER) ## compare requirements.lock with the known vulnerabilities (OSV)
	@rm -f .venv/audit.txt; $(BIN)/uv tool run --quiet pip-audit==$(PIP_AUDIT) --disable-pip \
		--require-hashes -r requirements.lock --vulnerability-service osv --timeout 15 \
		--progress-spinner off --output .venv/audit.txt 2>.venv/audit.log && \
		{ echo "no known vulnerability in requirements.lock"; exit 0; }; \
	test ! -s .venv/audit.txt || { cat .venv/audit.txt; exit 1; }; \
	echo "not checked: pip-audit could not be had or could not ask OSV; see .venv/audit.log"; exit 3

clean: ## remove .venv, caches and build output
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
