# Every target sets up what it needs into .venv and node_modules; stamps keep a second run instant.
# `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PY := .venv/bin/python
BIN := .venv/bin
NODE_BIN := node_modules/.bin
FORGE := $(NODE_BIN)/forge
UV := build/uv/bin/uv
SERVE ?= 0
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
# Sums over integers are exact at any thread count; one thread is for the timing of a shared machine.
export OMP_NUM_THREADS ?= 1

PY_STAMP := .venv/.installed
JS_STAMP := node_modules/.installed

# Recipes that need a part of the tree which is not built yet test for its file and say so.
has = $(wildcard $(1))

.PHONY: help setup demo test test-slow check check-python check-contracts check-openapi lint types layers \
        bench train train-small gas openapi lock fmt clean distclean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# --- set-up -----------------------------------------------------------------------------------

setup: $(PY_STAMP) $(JS_STAMP) ## install everything into .venv and node_modules

# uv picks (or fetches) the interpreter named in .python-version; the system python only has to install uv.
# PYENV_VERSION lets any version that pyenv has do that.
$(UV):
	@mkdir -p build
	@for python in python3 /usr/bin/python3 python; do \
	  if "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	    "$$python" -m venv build/uv && build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null && exit 0; \
	  fi; \
	done; \
	echo 'setup: no python3 with venv and pip found; install python3-venv, or put uv at $(UV)' >&2; exit 1

$(PY_STAMP): requirements.lock pyproject.toml .python-version | $(UV)
	@echo 'setup: python packages into .venv'
	@test -x $(PY) || $(UV) venv --quiet --python "$$(cat .python-version)" .venv
	@$(UV) pip sync --quiet --require-hashes --python $(PY) requirements.lock
	@$(UV) pip install --quiet --no-deps --python $(PY) --editable .
	@touch $@

$(JS_STAMP): package-lock.json package.json
	@echo 'setup: compiler, test chain and contract packages into node_modules'
	@command -v npm >/dev/null || { echo 'setup: npm is missing; install Node.js 20 or later' >&2; exit 1; }
	@npm ci --ignore-scripts --silent
	@touch $@

lock: $(UV) ## compile requirements.lock anew (hashes, no hosts)
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --all-extras --upgrade \
	  pyproject.toml -o requirements.lock
