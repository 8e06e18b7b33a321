# The few verbs of BookStore. Each hands over to one tool; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The shop alone needs less than its developers do, and is there in some 15 seconds.
APP_VENV := .venv-app
# Ansible, moto and the linters of templates; their pins would bind the developers' other tools.
DEPLOY_VENV := .venv-deploy
# Bytecode is kept whatever the shell says, else each process compiles all that it imports anew.
export PYTHONDONTWRITEBYTECODE =
SHOP := PYTHONPATH=app $(APP_VENV)/bin/python -m bookstore

.PHONY: help
help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@$(PYTHON) -m deploy.ladder.steps

.PHONY: up
up: ## from nothing to a shop: local cluster, operator, a BookStore, its URL (TOPOLOGY=Microservices)
	@$(PYTHON) -m cluster up $(if $(TOPOLOGY),--topology "$(TOPOLOGY)")

.PHONY: down
down: ## delete the local cluster and its data (caches stay)
	@$(PYTHON) -m cluster down

.PHONY: app
app: $(APP_VENV)/.ready ## the shop alone on http://127.0.0.1:5000 (SQLite, no cluster)
	@echo "==> database and sample books in var/"
	@$(SHOP) migrate > /dev/null
	@$(SHOP) seed --books 20
	@echo "==> starting the shop (Ctrl-C ends it)"
	@LOG_LEVEL=$${LOG_LEVEL:-WARNING} $(SHOP) serve --bind 127.0.0.1:5000

.PHONY: demo-data
demo-data: ## put twenty sample books into the local cluster's shop
	@$(PYTHON) -m cluster demo-data

.PHONY: test
test: $(VENV)/.ready $(DEPLOY_VENV)/.ready ## the tests, on a real cluster that it brings up itself
	@$(PYTHON) -m cluster up --for-tests
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/python -m tests.support.mariadb
	@$(BIN)/pytest -n 2 --dist loadgroup -m "not slow"

.PHONY: test-unit
test-unit: $(VENV)/.ready ## the quickest tier: builders and rules, without a database
	@$(BIN)/pytest -n 2 --dist worksteal tests/unit

.PHONY: test-component
test-component: $(VENV)/.ready ## the shop on real databases, the operator on an API that fails
	@$(PYTHON) -m cluster images --only mysql
	@$(BIN)/python -m tests.support.mariadb
	@$(BIN)/pytest -n 2 --dist worksteal tests/component

# The report's limit is on lines and branches together; the last line holds branches alone to it.
.PHONY: coverage
coverage: $(VENV)/.ready ## which branches of the shop its unit and component tests leave out
	@$(PYTHON) -m cluster images --only mysql
	@$(BIN)/python -m tests.support.mariadb
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n 2 --dist worksteal tests/unit/app tests/component/app
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --show-missing --skip-covered --fail-under 95
	@$(BIN)/coverage json --quiet -o - | $(BIN)/python -m tests.support.branches 95

.PHONY: test-browser
test-browser: $(VENV)/.ready ## the shop as a shopper sees it, in headless Chromium
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/pytest tests/browser

.PHONY: test-deploy
test-deploy: $(VENV)/.ready $(DEPLOY_VENV)/.ready ## the steps before Kubernetes: machines, fleet, EKS
	@$(BIN)/pytest tests/deploy

.PHONY: test-slow
test-slow: $(VENV)/.ready $(DEPLOY_VENV)/.ready ## what make test leaves out: whole machines, and long waits on the cluster
	@$(PYTHON) -m cluster up --for-tests
	@$(BIN)/python -m tests.support.mariadb
	@$(BIN)/pytest -m slow

.PHONY: test-real
test-real: $(VENV)/.ready $(DEPLOY_VENV)/.ready ## the operator beside real third-party controllers
	@$(PYTHON) -m cluster up --for-tests
	@$(BIN)/pytest tests/real

.PHONY: mutation
mutation: $(VENV)/.ready ## how many mutants of the operator's pure parts its unit tests let live (MODULES=api.cron)
	@$(BIN)/python -m tests.mutation $(MODULES)

FROM ?=
.PHONY: test-upgrade
test-upgrade: $(VENV)/.ready ## a store made by an older operator, upgraded under purchases (FROM=v0.1.0)
	@UPGRADE_FROM="$(FROM)" $(BIN)/python -m tests.upgrade.release
	@$(PYTHON) -m cluster up --for-tests
	@UPGRADE_FROM="$(FROM)" $(BIN)/pytest tests/upgrade

PLAY ?= site
.PHONY: vm
vm: $(DEPLOY_VENV)/.ready ## two virtual machines by Ansible; PLAY=deploy, rollback or restore
	@ANSIBLE_CONFIG=deploy/vm/ansible.cfg $(DEPLOY_VENV)/bin/ansible-playbook deploy/vm/$(PLAY).yml $(ARGS)

.PHONY: lint
lint: $(VENV)/.ready ## style, types, layers, and that CRD, API, typed spec and docs agree
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy app/bookstore operator/bookstore_operator plugin/kubectl_bookstore cluster deploy/aws/fleet \
	    deploy/ladder deploy/operations deploy/vm/release.py deploy/vm/test_plugins
	@$(BIN)/mypy tests
	@PYTHONPATH=app:operator:. $(BIN)/lint-imports --no-logo
	@PYTHONPATH=plugin $(BIN)/lint-imports --no-logo --config plugin/pyproject.toml
	@PYTHONPATH=operator $(BIN)/python -m bookstore_operator.generate --check
	@$(BIN)/bookstore openapi --check docs/reference/openapi.json
	@$(BIN)/bookstore reference --check docs/reference/shop.md
	@$(BIN)/bookstore contracts --check docs/reference/internal-api.json
	@for service in auth catalogue orders; do \
	    $(BIN)/bookstore contracts --openapi $$service \
	        --check docs/reference/internal-$$service.openapi.json || exit 1; \
	done
	@$(BIN)/bookstore gateway --check deploy/microservices/nginx.conf
	@$(BIN)/bookstore gateway --template --check operator/bookstore_operator/components/gateway.conf
	@PYTHONPATH=app:operator:. $(BIN)/python -m deploy.ladder --check
	@PYTHONPATH=app:operator:. $(BIN)/python -m deploy.operations --check
	@$(BIN)/python -m deploy.aws.fleet.costs --check

FLEET = $(DEPLOY_VENV)/bin/python -m deploy.aws.fleet
FLEET_OPTIONS = $(foreach each,$(SET),--set "$(each)") $(if $(YES),--yes)

.PHONY: fleet
fleet: $(DEPLOY_VENV)/.ready ## the scaled fleet on AWS: shows what changes and asks (ENV=qa)
	@$(FLEET) up $(or $(ENV),qa) $(FLEET_OPTIONS)

.PHONY: fleet-down
fleet-down: $(DEPLOY_VENV)/.ready ## end the fleet, and say what data stays (ENV=qa)
	@$(FLEET) down $(or $(ENV),qa) $(FLEET_OPTIONS)

.PHONY: fleet-doctor
fleet-doctor: $(DEPLOY_VENV)/.ready ## check account and settings before the fleet is made (ENV=qa)
	@$(FLEET) doctor $(or $(ENV),qa) $(foreach each,$(SET),--set "$(each)")

.PHONY: fleet-rotate
fleet-rotate: $(DEPLOY_VENV)/.ready ## give the fleet's database login a new password (ENV=qa)
	@$(FLEET) rotate $(or $(ENV),qa) $(FLEET_OPTIONS)

.PHONY: bench
bench: $(VENV)/.ready ## ratios against a floor and a peer, printed; never a pass or fail
	@$(PYTHON) -m cluster up --for-tests
	@$(PYTHON) -m cluster fleet
	@$(BIN)/python -m tests.bench $(BENCH)
	@$(PYTHON) -m cluster fleet --delete

.PHONY: bench-app
bench-app: $(VENV)/.ready ## the shop's pages beside a bare Flask, with 100,000 books on MySQL
	@$(PYTHON) -m cluster images --only mysql
	@$(BIN)/python -m tests.bench.wrk
	@PYTHONPATH=app:. $(BIN)/python -m tests.bench.app $(BENCH)

.PHONY: generate
generate: $(VENV)/.ready ## write what is generated: the CRD, the shop's OpenAPI, the reference
	@PYTHONPATH=operator $(BIN)/python -m bookstore_operator.generate
	@$(BIN)/bookstore openapi > docs/reference/openapi.json.new
	@mv docs/reference/openapi.json.new docs/reference/openapi.json
	@$(BIN)/bookstore reference > docs/reference/shop.md.new
	@mv docs/reference/shop.md.new docs/reference/shop.md
	@$(BIN)/bookstore contracts > docs/reference/internal-api.json.new
	@mv docs/reference/internal-api.json.new docs/reference/internal-api.json
	@for service in auth catalogue orders; do \
	    $(BIN)/bookstore contracts --openapi $$service > openapi.json.new || exit 1; \
	    mv openapi.json.new docs/reference/internal-$$service.openapi.json; \
	done
	@$(BIN)/bookstore gateway > deploy/microservices/nginx.conf.new
	@mv deploy/microservices/nginx.conf.new deploy/microservices/nginx.conf
	@$(BIN)/bookstore gateway --template > gateway.conf.new
	@mv gateway.conf.new operator/bookstore_operator/components/gateway.conf
	@PYTHONPATH=app:operator:. $(BIN)/python -m deploy.ladder
	@PYTHONPATH=app:operator:. $(BIN)/python -m deploy.operations
	@$(BIN)/python -m deploy.aws.fleet.costs

.PHONY: lock
lock: $(VENV)/.ready ## renew the hashed lock files from the .in files
	@for name in app/requirements operator/requirements requirements-build requirements-dev \
	    deploy/requirements; do \
	  $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-annotate \
	    $$(test ! -f $$name.override || echo --override $$name.override) \
	    --upgrade $$name.in -o $$name.lock || exit 1; \
	  echo "$$name.lock written"; \
	done

.PHONY: venv
venv: $(VENV)/.ready ## the developers' virtual environment

# A virtual environment in $(1) with what the lock $(2) names, once it is known that Python will do.
# What is imported is compiled then; compiling all of it takes as long as the rest.
define environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "BookStore needs Python 3.11 or newer, this is %d.%d: run make PYTHON=python3.12" % sys.version_info[:2])'
@$(PYTHON) -m venv $(1)
@$(1)/bin/pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r $(2)
endef

$(APP_VENV)/.ready: app/requirements.lock
	@echo "==> what the shop needs, into $(APP_VENV) (once, about 15 seconds)"
	$(call environment,$(APP_VENV),$<)
	@touch $@

$(VENV)/.ready: requirements-dev.lock app/pyproject.toml operator/pyproject.toml plugin/pyproject.toml
	@echo "==> virtual environment in $(VENV) (once, about a minute)"
	$(call environment,$(VENV),$<)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e app -e operator -e plugin
	@touch $@

$(DEPLOY_VENV)/.ready: deploy/requirements.lock
	@echo "==> Ansible, moto and linters, into $(DEPLOY_VENV) (once, about a minute)"
	$(call environment,$(DEPLOY_VENV),$<)
	@touch $@
