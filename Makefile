# The commands of the README. A virtual environment is made in .venv and kept up to date.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed
SIMULATOR = $(shell find bindings/simulator bindings/cdef -name '*.[ch]' -o -name CMakeLists.txt)

SUPPLY = .venv-supply

.PHONY: run test check bench lock openapi supply licences sbom audit

run: $(INSTALLED)
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

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

openapi: $(INSTALLED)
	$(BIN)/python -m sdk.document

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
	$(SUPPLY)/bin/uv pip compile --quiet --universal --group supply --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header -o supply/requirements.lock
	npm install --prefix sdk --package-lock-only
	$(SUPPLY)/bin/uv pip compile --quiet --universal --group standalone --extra otel --python-version 3.13 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --constraint requirements.lock \
		pyproject.toml -o standalone/requirements.lock

$(INSTALLED): requirements.lock pyproject.toml bindings/simulator/pyproject.toml $(SIMULATOR)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation ./bindings/simulator -e .
	touch $@

$(SUPPLY)/installed: supply/requirements.lock
	test -x $(SUPPLY)/bin/python || $(PYTHON) -m venv $(SUPPLY)
	$(SUPPLY)/bin/python -m pip install --quiet --require-hashes -r supply/requirements.lock
	touch $@

build/supply/installed: requirements-server.lock $(SUPPLY)/installed
	rm -rf build/supply/windows
	$(SUPPLY)/bin/uv pip install --quiet --require-hashes --only-binary :all: --python-version 3.13 \
		--python-platform x86_64-pc-windows-msvc --target build/supply/windows -r requirements-server.lock
	touch $@
