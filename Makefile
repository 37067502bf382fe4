# The commands of the README. They make the virtual environment .venv and keep it up to date: `make run`
# with what the server needs, the others with what checks and tests it, in any order.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SIMULATOR = $(shell find bindings/simulator bindings/cdef -name '*.[ch]' -o -name CMakeLists.txt)
BUILD_TOOLS = $(VENV)/build-tools

# Written last. $(SERVER) holds the checkout's path, and is empty while anything is being installed.
SERVER = $(VENV)/server
INSTALLED = $(VENV)/installed
# If not (set-up was interrupted, the checkout moved, Python removed or upgraded), start from nothing.
IS_SOUND := $(shell { test "$$(cat $(SERVER))" = "$$(pwd -P)" && $(BIN)/python -c 'import pip' && echo yes; } 2>/dev/null)

SUPPLY = .venv-supply

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: run test check bench lock openapi console supply licences sbom audit

run: $(SERVER)
	$(BIN)/sa-contexts serve

test: $(INSTALLED)
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage report

check: $(INSTALLED)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	MYPYPATH=bindings/simulator/src $(BIN)/mypy --config-file pyproject.toml tests benchmarks sdk standalone supply
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile.windows
	$(BIN)/codespell
	.ci/words

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

openapi: $(INSTALLED)
	$(BIN)/python -m sdk.document

# Needs Node.js; what it makes is committed, so that nothing else does.
console:
	console/build

supply: licences sbom audit

licences: $(INSTALLED) build/supply/installed
	$(BIN)/python -m supply.licences

sbom: $(INSTALLED) build/supply/installed
	$(BIN)/python -m supply.sbom $(SUPPLY)/bin

audit: sbom
	$(BIN)/python -m supply.audit
	$(BIN)/python -m supply.npm

lock: $(SUPPLY)/installed
	$(SUPPLY)/bin/uv pip compile --quiet --universal --group dev --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.lock
	$(SUPPLY)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --constraint requirements.lock \
		pyproject.toml -o requirements-server.lock
	$(SUPPLY)/bin/uv pip compile --quiet --universal --group sdk --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header -o sdk/requirements.lock
	$(SUPPLY)/bin/uv pip compile --quiet --universal --group scan --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header -o tests/tls/requirements.lock
	$(SUPPLY)/bin/uv pip compile --quiet --universal --group browser --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --constraint requirements.lock \
		-o tests/console/browser/requirements.lock
	$(SUPPLY)/bin/uv pip compile --quiet --universal --group supply --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header -o supply/requirements.lock
	$(SUPPLY)/bin/uv pip compile --quiet --universal --group build --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --constraint requirements.lock \
		-o requirements-build.lock
	npm install --prefix sdk --package-lock-only
	npm install --prefix console --package-lock-only
	$(SUPPLY)/bin/uv pip compile --quiet --universal --group standalone --extra otel --python-version 3.13 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --constraint requirements.lock \
		pyproject.toml -o standalone/requirements.lock

ifndef IS_SOUND
.PHONY: $(SERVER)
endif

# Clears nothing but an environment: another folder may be named by mistake.
define CREATE_VENV
	@test ! -e $(VENV) || test -e $(VENV)/pyvenv.cfg || test -e $(SERVER) || { \
		echo '$(VENV) is not a virtual environment: remove it, or name another (make VENV=.venv2)' >&2; exit 1; }
	@echo 'Creating $(VENV)'
	@rm -rf $(VENV)
	@mkdir $(VENV)
	@: >$(SERVER)
	@$(PYTHON) -m venv $(VENV)
endef

$(SERVER): requirements-server.lock requirements-build.lock pyproject.toml bindings/simulator/pyproject.toml $(SIMULATOR)
	@PYTHON='$(PYTHON)' CC='$(CC)' supply/system-packages
	$(if $(IS_SOUND),,$(CREATE_VENV))
	@: >$@
	@echo 'Installing the server into $(VENV)'
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements-server.lock
	@echo 'Building the simulator'
	@rm -rf $(BUILD_TOOLS)
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements-build.lock --target $(BUILD_TOOLS)
	@PYTHONPATH="$$(realpath $(BUILD_TOOLS))" $(BIN)/python -m pip install -qq --no-index --no-deps --no-build-isolation \
		./bindings/simulator -e .
	@rm -rf $(BUILD_TOOLS)
	@pwd -P >$@

$(INSTALLED): requirements.lock $(SERVER)
	@: >$(SERVER)
	@echo 'Installing what checks and tests the server into $(VENV)'
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements.lock
	@pwd -P >$(SERVER)
	@touch $@

ifneq ($(shell { $(SUPPLY)/bin/python -c 'import pip' && echo yes; } 2>/dev/null),yes)
.PHONY: $(SUPPLY)/installed
endif

$(SUPPLY)/installed: supply/requirements.lock
	rm -rf $(SUPPLY)
	$(PYTHON) -m venv $(SUPPLY)
	$(SUPPLY)/bin/python -m pip install --quiet --require-hashes -r supply/requirements.lock
	touch $@

build/supply/installed: requirements-server.lock $(SUPPLY)/installed
	rm -rf build/supply/windows
	$(SUPPLY)/bin/uv pip install --quiet --require-hashes --only-binary :all: --python-version 3.13 \
		--python-platform x86_64-pc-windows-msvc --target build/supply/windows -r requirements-server.lock
	touch $@
