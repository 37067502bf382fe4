# The commands of the README. A virtual environment is made in .venv and kept up to date.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed
SIMULATOR = $(shell find bindings/simulator bindings/cdef -name '*.[ch]' -o -name CMakeLists.txt)

.PHONY: run test check bench lock openapi

run: $(INSTALLED)
	$(BIN)/sa-contexts serve

test: $(INSTALLED)
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage report

check: $(INSTALLED)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	MYPYPATH=bindings/simulator/src $(BIN)/mypy --config-file pyproject.toml tests benchmarks sdk
	$(BIN)/lint-imports

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

openapi: $(INSTALLED)
	$(BIN)/python -m sdk.document

lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --group dev --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --constraint requirements.lock \
		pyproject.toml -o requirements-server.lock
	$(BIN)/uv pip compile --quiet --universal --group sdk --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header -o sdk/requirements.lock
	$(BIN)/uv pip compile --quiet --universal --group scan --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header -o tests/tls/requirements.lock
	npm install --prefix sdk --package-lock-only

$(INSTALLED): requirements.lock pyproject.toml bindings/simulator/pyproject.toml $(SIMULATOR)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation ./bindings/simulator -e .
	touch $@
