# Targets install the tools that they need. `make` alone lists the targets, whose code is in localstack/ and tools/.
PYTHON ?= python3

# What an engine needs besides .venv.
ENGINE_TOOLS = $(if $(filter localstack,$(ENGINE)),.venv/localstack/stamp)
WAYBILL = PYTHONPATH=localstack:tools .venv/bin/python -m cli

.DEFAULT_GOAL := help
.PHONY: help up down build engine env.json logs status tail dead-letters check test model fuzz fuzz-parsers check-login-timing bench bench-quick bench-stock rebuild-search bench-search rebuild-orders rebuild-analytics cost bench-websocket chaos preview-mails openapi asyncapi dist new-context new-function

help: ## list the targets
	@sed -n 's/^\([a-z.-]*\):.*## /  make \1	/p' Makefile | expand -t 28

up: .venv/stamp $(ENGINE_TOOLS) ## build, start or update the local stack, seed it, and print its URLs (ENGINE=localstack runs it on LocalStack; WAYBILL_PORT sets its first port)
	@$(WAYBILL) up

down: .venv/stamp ## stop the local stack and delete its data
	@$(WAYBILL) down

build: .venv/stamp ## build the archives of the functions for sam, quickly and without the optimizations of make dist
	@$(WAYBILL) build

engine: .venv/stamp $(ENGINE_TOOLS) ## start a local AWS engine without a stack, for sam deploy
	@$(WAYBILL) engine

env.json: .venv/stamp ## write what sam local needs: env.json and build/local-api.json (ENDPOINT=<where containers find AWS>)
	@$(WAYBILL) env-json

logs: .venv/stamp ## follow the logs of the functions and of the engine
	@$(WAYBILL) logs

status: .venv/stamp ## print whether the stack runs, and its URLs and logins
	@$(WAYBILL) status

tail: .venv/stamp ## print the events of the running stack as they are published, one per line (ORDER=<id>: those of one order)
	@$(WAYBILL) tail

dead-letters: .venv/stamp ## list messages that consumers failed to process, on the running stack or on AWS (ARGS="show", "redrive …", "drop …", "--help")
	@$(WAYBILL) dead-letters $(ARGS)

check: .venv/stamp .venv/sam/stamp ## check the format, lint and types of Rust and Python, and run sam validate --lint on every template
	@$(WAYBILL) check

test: .venv/stamp .venv/sam/stamp $(if $(findstring localstack,$(WAYBILL_TEST_WITHOUT)),,.venv/localstack/stamp) ## run all checks and tests; those that need a stack run on stacks of their own, in parallel
	@$(WAYBILL) test

model: .venv/stamp ## model-check the checkout of one order and of two under crashes, duplicates and delays (about 2 minutes)
	@$(WAYBILL) model

fuzz: .venv/stamp ## send generated requests to the running stack, which changes its data (WAYBILL_FUZZ_SEED, WAYBILL_FUZZ_EXAMPLES)
	@$(WAYBILL) fuzz

fuzz-parsers: .venv/stamp ## give generated input to all parsers of external input, without a stack (PROPTEST_CASES cases each, 20000 by default)
	@$(WAYBILL) fuzz-parsers

check-login-timing: .venv/stamp ## measure on the running stack whether the duration of a failed login reveals that the account exists
	@$(WAYBILL) check-login-timing

bench: .venv/stamp ## compare Waybill with bare Lambdas: requests, checkout to paid, cold starts, a million orders (about 10 minutes, plus the build that ships)
	@$(WAYBILL) bench

bench-quick: .venv/stamp ## run the benchmark for about 2 minutes, to check that it works (WAYBILL_BENCH_PROFILE=release builds faster)
	@$(WAYBILL) bench-quick

bench-stock: .venv/stamp ## measure reservations per second of one product, by the number of counters of its stock (about 4 minutes)
	@$(WAYBILL) bench-stock

rebuild-search: .venv/stamp ## rebuild the search index of the running stack
	@$(WAYBILL) rebuild-search

bench-search: .venv/stamp ## measure the relevance and speed of the search with 1,200 and with 50,000 products (on a stack of its own, some minutes)
	@$(WAYBILL) bench-search

rebuild-orders: .venv/stamp ## rebuild the read models of all orders of the running stack from their events
	@$(WAYBILL) rebuild-orders

rebuild-analytics: .venv/stamp ## recompute the figures of the running stack from the log of analytics
	@$(WAYBILL) rebuild-analytics

cost: .venv/stamp ## report the AWS usage of an order, and the cost of a million orders (on a stack of its own, 2 minutes)
	@$(WAYBILL) cost

preview-mails: .venv/stamp ## write all notifications with sample data to build/preview
	@$(WAYBILL) preview-mails

bench-websocket: .venv/stamp ## measure on the running stack the delay of live updates of a paid order, and the cost of many followers
	@$(WAYBILL) bench-websocket

chaos: .venv/stamp ## place 500 orders under fault injection, then audit all tables (8 minutes; WAYBILL_CHAOS_SEED, WAYBILL_CHAOS_ORDERS)
	@$(WAYBILL) chaos

openapi: .venv/stamp ## write openapi.json and the routes that the gateway knows from the code
	@$(WAYBILL) openapi

asyncapi: .venv/stamp ## write asyncapi.json and the JSON Schemas of the events from the code
	@$(WAYBILL) asyncapi

dist: .venv/stamp .venv/zig/stamp ## build the archives that ship, build/<context>.zip, and print their sizes (ARCHITECTURE=arm64)
	@$(WAYBILL) dist

# PATH on the command line would replace the search path of every recipe.
ifeq ($(origin PATH),command line)
$(error PATH says where programs are; the path of a new endpoint is ROUTE=/api/v1/…)
endif

# Passes variables of make's command line as arguments. Variables of the environment are not passed.
given = $(foreach name,$(1),$(if $(filter command,$(origin $(name))),$(name)='$(subst ','\'',$($(name)))'))

new-context: .venv/stamp ## write a new context: NAME=reviews
	@$(WAYBILL) new-context $(call given,NAME)

new-function: .venv/stamp ## write a new function: CONTEXT=reviews NAME=get-review KIND=endpoint|consumer|schedule (without arguments: explain all)
	@$(WAYBILL) new-function $(call given,CONTEXT NAME KIND METHOD ROUTE ACCESS LIMIT SOURCE EVENTS RATE)

# The lock files are complete, so pip does not resolve dependencies. Python compiles the few modules that are used.
.venv/stamp: tools/requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not installed: install Python 3.10 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: $(PYTHON) is older than 3.10: name a newer one, PYTHON=python3.12 make" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "error: $(PYTHON) cannot make environments: apt install python3-venv" >&2; exit 1; }
	@echo "installing the Python tools into .venv"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r tools/requirements.txt
	@touch .venv/stamp

# SAM requires older versions of packages that the local stack uses.
.venv/sam/stamp: tools/requirements-sam.txt .venv/stamp
	@echo "installing SAM into .venv/sam"
	@rm -rf .venv/sam && $(PYTHON) -m venv .venv/sam
	@.venv/sam/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r tools/requirements-sam.txt
	@touch .venv/sam/stamp

# LocalStack requires a newer Python, and its own versions of packages.
.venv/localstack/stamp: tools/requirements-localstack.txt .venv/stamp
	@python=$$($(WAYBILL) localstack-python) || exit 1; \
	echo "installing LocalStack into .venv/localstack (170 MB)"; \
	rm -rf .venv/localstack && $$python -m venv .venv/localstack
	@.venv/localstack/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r tools/requirements-localstack.txt
	@touch .venv/localstack/stamp

# Zig is large, and only the release archives need it.
.venv/zig/stamp: tools/requirements-zig.txt .venv/stamp
	@echo "installing Zig into .venv/zig (400 MB)"
	@rm -rf .venv/zig && $(PYTHON) -m venv .venv/zig
	@.venv/zig/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r tools/requirements-zig.txt
	@touch .venv/zig/stamp
