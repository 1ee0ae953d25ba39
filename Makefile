.PHONY: help run dev test fast lint bench chaos clean
.DEFAULT_GOAL := help

# bun and node come from the environment's wheels and must win over whatever the machine has.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export REFLEX_TELEMETRY_ENABLED := false

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: ## build once, migrate, make the demo operator, serve http://localhost:3000
	@scripts/install.sh
	@python -m cabinet serve

dev: ## the same with hot reload (pages on 3000, backend on 8000)
	@scripts/install.sh
	@python -m cabinet serve --reload

test: ## everything: fast tests, scenarios, a browser and attacks against the production build
	@scripts/install.sh --dev
	@scripts/test-tools.sh
	@scripts/test.sh

fast: ## the tests that need no browser, no PostgreSQL and no SMS gateway
	@scripts/install.sh --dev
	@pytest -q -n 4 --dist loadfile -m "not browser and not doors and not cluster and not postgres and not gateways"

lint: ## formatting, lint, types, directions of imports, migrations
	@scripts/install.sh --dev
	@ruff format --check .
	@ruff check .
	@mypy
	@lint-imports
	@bandit -q -r cabinet -ll -ii -s B104 # the rest are ruff's S rules again, which are answered line by line

bench: ## the benchmarks, as tables and in benchmarks/results.md
	@scripts/install.sh --bench
	@scripts/test-tools.sh
	@python -m benchmarks

chaos: ## kills, full disks, servers that go away: what comes of each fault, as a table and in chaos/results.md
	@scripts/install.sh --bench
	@scripts/test-tools.sh
	@python -m chaos

clean: ## remove what was built (not the data in var/)
	rm -rf .web .states .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
