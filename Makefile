# Every target works on a fresh clone; each makes what it needs first.
.DEFAULT_GOAL := help
.PHONY: help setup demo test faults replay corpora check up bench dictionary docs lock

PYTHON := .venv/bin/python

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv and install the locked packages (does only what is missing)
	@sh scripts/setup.sh

demo: setup ## Fix a real bug in a sample repository, and survive a killed worker on the way
	@$(PYTHON) -m examples.demo $(ARGS)

# Each process has servers of its own and waits for a third of its time: three keep two processors busy.
PROCESSES ?= 3
# A few failed tests are tried once more, and named with their first failure as RERUN: one that passes only then is a fault
# to mend, and no reason to hold up everything else. `make check` tries each test once.
RERUNS ?= 1
test: setup ## Run all tests, on the real stack (PROCESSES=1: one after the other; RERUNS=0: no second try)
	@$(PYTHON) -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder \
		--reruns $(RERUNS) --max-suite-reruns 5 --rerun-show-tracebacks $(ARGS)

RUNS ?= 6
SEED ?= 1
SERVERS ?= 1
faults: setup ## Try a task under random faults: RUNS=20 SEED=1, with LOG=docs/faults.jsonl added to the log
	@$(PYTHON) -m tests.faults.seeds --runs $(RUNS) --seed $(SEED) --servers $(SERVERS) $(if $(LOG),--log $(LOG))

replay: setup ## Replay recorded histories, and before a release the open runs of ADDRESS=host:port NAMESPACE=name
	@$(PYTHON) -m scripts.replay $(if $(ADDRESS),--address $(ADDRESS)) $(if $(NAMESPACE),--namespace $(NAMESPACE)) $(ARGS)

corpora: setup ## Run the collections of cases in DIR=… through the real tools, and print misses with the worst first
	@$(PYTHON) -m tests.corpora $(DIR) $(ARGS)

check: setup ## Format, lint, types, import rules, tool dictionary, tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/basedpyright
	.venv/bin/lint-imports
	$(PYTHON) -m tools --check
	$(PYTHON) -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

up: setup ## Start the stack and a worker on this machine, until Ctrl-C
	@$(PYTHON) starter.py up

bench: setup ## Measure what a step costs, many tasks, many watchers, durability, tools and safety (about twenty minutes)
	@set -e; for benchmark in benchmarks/step_*.py benchmarks/many_*.py benchmarks/durability.py benchmarks/tools.py benchmarks/safety.py; do echo "$$benchmark"; $(PYTHON) $$benchmark; done

dictionary: setup ## Write tool_dictionary.json anew from the tools
	@$(PYTHON) -m tools

docs: setup ## Write docs/commands anew from the command line's own help
	@$(PYTHON) -m perdure.client.command_line.documentation

lock: setup ## Write the lock files anew from pyproject.toml and package.json, with hashes and without any address
	@.venv/bin/uv pip compile pyproject.toml --all-extras --group dev --universal --generate-hashes --no-annotate \
		--no-header --quiet --python-version 3.11 --output-file requirements.lock
	@.venv/bin/uv pip compile --group node --universal --generate-hashes --no-annotate --no-header --quiet \
		--python-version 3.11 --output-file tools/node/toolchain/node.lock
	@.venv/bin/uv pip compile --group embedder --no-deps --universal --generate-hashes --no-annotate --no-header --quiet \
		--python-version 3.11 --output-file perdure/memory/embedder.lock
	@cd tools/node/toolchain && npm install --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error
