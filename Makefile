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
# Where it is set, every process compiles all of oracle/ anew: a second more for each node and command.
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)

PY_STAMP := .venv/.installed
JS_STAMP := node_modules/.installed

CONTRACT_SOURCES := $(shell find contracts/src -name '*.sol')
CONTRACTS_STAMP := build/forge/.contracts
MORPHO_STAMP := build/morpho/.compiled
MODEL_RUNS_STAMP := build/model_runs/.written
MODEL_RUN_SOURCES := tests/scoring/model_runs.py tests/scoring/model_runs.json $(shell find oracle/scoring -name '*.py' -o -name 'model.bin' -o -name 'selftest.json')
DATA ?= ../shared/data
# The demo takes recorded data only where they are asked for.
DEMO_DATA := $(if $(filter file,$(origin DATA)),,--data "$(DATA)")

# Venus's npm package holds compiled contracts, and its dependencies 2.3 GB: only the tarball is taken, held against its digest.
VENUS_VERSION := 10.3.0
VENUS_PACKAGE := @venusprotocol/venus-protocol@$(VENUS_VERSION)
VENUS_SHA512 := a86be3bd481884ae51105fc28f82e0e0534132b12c727492c6be2c1cbe160e56f6c283ee72fa8b7c6930fdfdd72856a77fe9560f51b82b41b3a5d738df4f8179
VENUS_CONTRACTS := Comptroller/Unitroller Comptroller/Diamond/Diamond Comptroller/Diamond/facets/MarketFacet \
  Comptroller/Diamond/facets/PolicyFacet Comptroller/Diamond/facets/RewardFacet Comptroller/Diamond/facets/SetterFacet \
  Comptroller/Diamond/facets/FlashLoanFacet Lens/ComptrollerLens Tokens/VTokens/VBep20Immutable InterestRateModels/JumpRateModel \
  test/SimplePriceOracle test/AccessControlManagerMock test/BorrowDebtFlashLoanReceiver
VENUS_STAMP := build/venus/.$(VENUS_VERSION)

# What gas and feeds are compared with: two npm packages that may not ship, held against their digests.
CHAINLINK_PACKAGE := @chainlink/contracts@1.4.0
CHAINLINK_SHA512 := 4a93422744cf388ea96b697bd365a4e1620ff1c730e4045c44fd44fd94ea6857df5cda19785d375a1b152fc7f797739344503d678d0ee4a719ce626665092814
REDSTONE_PACKAGE := @redstone-finance/evm-connector@0.9.0
REDSTONE_SHA512 := 880eda90306a1166ff3b679601cd2cc8d9a9f157cf31bce91dfe7423ec461b7ae7038cbfffd1791beb40e32b147163054f395f5f6f28b3bbf4d123a6809d4b8d
PEERS_STAMP := build/peers/.compiled

.PHONY: help setup contracts model-runs venus peers demo test test-python test-contracts test-slow check lint types layers contracts-format gas proofs mutants slither fuzz coverage \
        openapi openapi-check bench train train-sandbox train-small lock fmt clean distclean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# --- set-up -----------------------------------------------------------------------------------

setup: $(PY_STAMP) $(JS_STAMP) ## install everything into .venv and node_modules

# uv picks (or fetches) the interpreter named in .python-version; the system python only has to install uv.
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
	@test -x $(PY) || $(UV) venv --quiet --python "$$(cat .python-version)" .venv 2>/dev/null \
	  || $(UV) venv --quiet --python '>=3.12' .venv
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(PY) requirements.lock
	@$(UV) pip install --quiet --no-deps --python $(PY) --editable .
	@touch $@

$(JS_STAMP): package-lock.json package.json
	@echo 'setup: compiler, test chain and contract packages into node_modules'
	@command -v npm >/dev/null || { echo 'setup: npm is missing; install Node.js 20 or later' >&2; exit 1; }
	@npm ci --ignore-scripts --silent
	@for tool in forge anvil cast; do command -v "$$tool" >/dev/null || { \
	  echo "setup: no $$tool for this platform among the npm packages; put Foundry 1.7.1 on the PATH" >&2; exit 1; }; done
	@touch $@

lock: $(UV) ## compile requirements.lock anew (hashes, no hosts)
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --all-extras --upgrade \
	  pyproject.toml -o requirements.lock

# What the sandbox deploys; the tests' contracts are compiled by `forge test`.
contracts: $(CONTRACTS_STAMP) $(MORPHO_STAMP) ## compile the contracts that a world deploys

$(CONTRACTS_STAMP): $(CONTRACT_SOURCES) foundry.toml $(JS_STAMP)
	@echo 'setup: compiling contracts (about half a minute)'
	@$(FORGE) build --skip test script --silent
	@touch $@

$(MORPHO_STAMP): contracts/tools/compile-morpho $(JS_STAMP)
	@contracts/tools/compile-morpho build/morpho
	@touch $@

model-runs: $(MODEL_RUNS_STAMP) ## write the ten thousand vectors per model that forge reads

# The integer reference says what is expected, so forge compares the EVM with Python.
$(MODEL_RUNS_STAMP): $(MODEL_RUN_SOURCES) $(PY_STAMP)
	@$(PY) -m tests.scoring.model_runs
	@touch $@

venus: $(VENUS_STAMP) ## fetch the Venus contracts that a slow test deploys (57 MB from npm, once)

$(VENUS_STAMP):
	@command -v npm >/dev/null || { echo 'venus: npm is missing; install Node.js 20 or later' >&2; exit 1; }
	@echo 'venus: fetching $(VENUS_PACKAGE) (57 MB)'
	@rm -rf build/venus && mkdir -p build/venus
	@npm pack --silent --prefer-offline --pack-destination build/venus $(VENUS_PACKAGE) >/dev/null || { \
	  echo 'venus: npm cannot fetch $(VENUS_PACKAGE); it is needed once, for tests/integration/test_venus_positions.py: go online and run make venus' >&2; \
	  exit 1; }
	@echo '$(VENUS_SHA512)  '$$(echo build/venus/*.tgz) | $$(command -v sha512sum || echo 'shasum -a 512') --check --status \
	  || { echo 'venus: $(VENUS_PACKAGE) is not the tarball that VENUS_SHA512 in the Makefile names; nothing of it is used' >&2; exit 1; }
	@tar -xzf build/venus/*.tgz -C build/venus --strip-components 2 package/artifacts/@venusprotocol/oracle/contracts/DeviationBoundedOracle.sol \
	  $(foreach path,$(VENUS_CONTRACTS),package/artifacts/contracts/$(path).sol)
	@rm build/venus/*.tgz
	@touch $@

peers: $(PEERS_STAMP) ## fetch and compile what gas is compared with (1.6 MB from npm, once)

define fetch_peer
	@mkdir -p build/peers/$(1) && npm pack --silent --prefer-offline --pack-destination build/peers/$(1) $(2) >/dev/null || { \
	  echo 'peers: npm cannot fetch $(2); it is needed once, for make bench and a slow test: go online and run make peers' >&2; exit 1; }
	@echo '$(3)  '$$(echo build/peers/$(1)/*.tgz) | $$(command -v sha512sum || echo 'shasum -a 512') --check --status \
	  || { echo 'peers: $(2) is not the tarball whose digest is in the Makefile; nothing of it is used' >&2; exit 1; }
	@tar -xzf build/peers/$(1)/*.tgz -C build/peers/$(1) --strip-components 1 && rm build/peers/$(1)/*.tgz
endef

$(PEERS_STAMP): contracts/tools/compile-peers $(wildcard tests/bench/contracts/*.sol) $(JS_STAMP)
	@rm -rf build/peers
	$(call fetch_peer,chainlink,$(CHAINLINK_PACKAGE),$(CHAINLINK_SHA512))
	$(call fetch_peer,redstone,$(REDSTONE_PACKAGE),$(REDSTONE_SHA512))
	@contracts/tools/compile-peers build/peers
	@touch $@

# --- run --------------------------------------------------------------------------------------

demo: setup contracts ## two chains, four nodes, one liar, four loans, one crash: two minutes (SERVE=1 stays up; DATA=DIR on recorded vaults)
	@SERVE=$(SERVE) $(PY) -m oracle.sandbox.demo $(DEMO_DATA) $(if $(LIMIT),--limit $(LIMIT))

bench: setup peers ## measure against peers; writes build/bench.json
	@$(FORGE) build --quiet
	@$(PY) -m tests.bench --out build/bench.json

train: setup ## train the bundles on historical data: make train DATA=DIR
	@test -d "$(DATA)" || { echo 'train: no folder $(DATA); give one with make train DATA=DIR' >&2; exit 1; }
	@$(PY) -m training train --data "$(DATA)"

train-sandbox: setup contracts ## train borrower-sandbox-1 on four generated worlds into build/bundles
	@$(PY) -m oracle.node.generated_dataset build/generated
	@$(PY) -m training train --dataset build/generated/seed-* --bundle borrower-sandbox-1 --sandbox

train-small: setup ## train a small bundle and compare its model id with the committed one
	@test -d "$(DATA)" || { echo 'train-small: no folder $(DATA); give one with DATA=DIR' >&2; exit 1; }
	@$(PY) -m training train --profile small --data "$(DATA)" --check

# --- test -------------------------------------------------------------------------------------

test: test-contracts test-python ## every test that is not slow; needs no data folder

test-python: setup contracts
	@$(PY) -m pytest -q -m 'not slow'

test-contracts: setup model-runs $(MORPHO_STAMP)
	@$(FORGE) test

test-slow: setup contracts venus peers ## the tests marked slow
	@$(PY) -m pytest -q -m slow

check: lint types layers contracts-format openapi-check ## everything CI runs: style, types, layers, tests, gas, drift
	@ls contracts/snapshots/*.json >/dev/null 2>&1 || { echo 'check: contracts/snapshots is empty; run make gas and commit it' >&2; exit 1; }
	@FORGE_SNAPSHOT_CHECK=true $(MAKE) --no-print-directory test

lint: $(PY_STAMP)
	@$(BIN)/ruff check --quiet --output-format concise .
	@$(BIN)/ruff format --check --quiet . || { echo 'lint: run make fmt' >&2; exit 1; }
	@$(BIN)/yamllint --strict infra

types: $(PY_STAMP)
	@$(BIN)/mypy

layers: $(PY_STAMP)
	@$(BIN)/lint-imports --no-logo

contracts-format: setup
	@$(FORGE) fmt --check contracts
	@$(NODE_BIN)/solhint --disc --max-warnings 0 'contracts/src/**/*.sol'
	@$(FORGE) lint --deny warnings contracts/src >/dev/null

# Each tool has an environment of its own: their pins do not fit ours.
build/tools/%/.installed: contracts/tools/%.lock | $(UV)
	@echo 'setup: $* into build/tools/$*'
	@$(UV) venv --quiet --clear --python "$$(cat .python-version)" build/tools/$* 2>/dev/null || $(UV) venv --quiet --clear --python '>=3.12' build/tools/$*
	@$(UV) pip sync --quiet --require-hashes --python build/tools/$*/bin/python $<
	@touch $@

proofs: setup build/tools/halmos/.installed ## prove the libraries' laws for every input (halmos)
	@FOUNDRY_PROFILE=symbolic build/tools/halmos/bin/halmos --root . --forge-build-out build/symbolic --function check_ \
	  --loop 34 --default-bytes-lengths 0,64,65,130,131 --solver-timeout-assertion 60000

BUDGET_S ?= 3600
JOBS ?= 1
mutants: setup model-runs $(MORPHO_STAMP) ## make one line of the contracts wrong at a time; a test must notice (BUDGET_S=300, JOBS=2, ONLY=name)
	@$(PY) -m tests.contracts.mutants --budget-s $(BUDGET_S) --jobs $(JOBS) $(if $(ONLY),--only '$(ONLY)')

# Forge compiles for it, without the optimizer, which it does not look at. Its own exit code says only
# that it found something; what it found is held against contracts/tools/slither.toml.
slither: setup build/tools/slither/.installed ## look for known defects of contracts/src; each finding of medium or above has its reason
	@rm -rf build/slither build/slither-cache && mkdir -p build/slither
	@FOUNDRY_OUT=build/slither FOUNDRY_CACHE_PATH=build/slither-cache FOUNDRY_OPTIMIZER=false $(FORGE) build --build-info --ast --skip test script --silent
	@build/tools/slither/bin/slither . --ignore-compile --foundry-out-directory build/slither --exclude-low --exclude-informational \
	  --exclude-optimization --filter-paths 'node_modules|contracts/test' --json build/slither/findings.json > build/slither/log.txt 2>&1 || true
	@$(PY) -m tests.contracts.findings build/slither/findings.json build/slither/log.txt

FUZZ_RUNS ?= 10000
fuzz: setup ## the laws at FUZZ_RUNS (10,000) random inputs each
	@FOUNDRY_FUZZ_RUNS=$(FUZZ_RUNS) $(FORGE) test --match-path 'contracts/test/fuzz/**'

# Compiled apart: forge measures without the optimizer, and such code is too long to deploy. Gas is no line, and proofs and invariants would take minutes more.
coverage: setup model-runs $(MORPHO_STAMP) ## which lines and branches of contracts/src some test runs (least 97 % and 92 %)
	@mkdir -p build/coverage
	@FOUNDRY_OUT=build/coverage/out FOUNDRY_CACHE_PATH=build/coverage/cache $(FORGE) coverage --report lcov --report-file build/coverage/lcov.info \
	  --no-match-path 'contracts/test/{gas,symbolic,invariant}/**' --no-match-test FitsItsLimit --no-match-coverage '(test|script|sandbox|examples)' > build/coverage/log.txt 2>&1 \
	  || { tail -n 20 build/coverage/log.txt >&2; exit 1; }
	@$(PY) -m tests.contracts.coverage build/coverage/lcov.info

gas: setup model-runs $(MORPHO_STAMP) ## write the gas snapshots anew
	@FORGE_SNAPSHOT_EMIT=true $(FORGE) test

openapi: $(PY_STAMP) ## write openapi/openapi.json anew
	@mkdir -p openapi
	@$(PY) -m oracle.api.openapi > openapi/openapi.json

openapi-check: $(PY_STAMP)
	@mkdir -p build && $(PY) -m oracle.api.openapi > build/openapi.json
	@diff -u openapi/openapi.json build/openapi.json || { echo 'openapi-check: run make openapi and commit it' >&2; exit 1; }

fmt: setup ## format Python and Solidity
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix-only .
	@$(FORGE) fmt contracts

clean: ## remove what was built, but not what was installed
	@if test -d build; then find build -mindepth 1 -maxdepth 1 ! -name uv -exec rm -rf {} +; fi
	rm -rf dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find oracle training tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## also remove .venv, node_modules and build
	rm -rf build .venv node_modules
