# Each target does its own set-up; `make` alone lists them. The work is in localstack/ and tools/.
PYTHON ?= python3
WAYBILL = PYTHONPATH=localstack:tools .venv/bin/python -m cli

.DEFAULT_GOAL := help
.PHONY: help up down logs status tail dead-letters check test model fuzz fuzz-parsers check-login-timing bench bench-quick bench-stock rebuild-search bench-search rebuild-orders rebuild-analytics cost bench-websocket chaos preview-mails openapi asyncapi dist new-context new-function

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 28

up: .venv/stamp ## build, start or update the local stack, seed it, print its URLs (WAYBILL_PORT moves it)
	@$(WAYBILL) up

down: .venv/stamp ## stop the local stack
	@$(WAYBILL) down

logs: .venv/stamp ## follow the functions' and the engine's logs
	@$(WAYBILL) logs

status: .venv/stamp ## say whether the stack runs, its URLs and logins
	@$(WAYBILL) status

tail: .venv/stamp ## show the events of the running stack as they happen, a line each (ORDER=<id>: those of one order)
	@$(WAYBILL) tail

dead-letters: .venv/stamp ## messages that consumers could not consume, on the running stack or on AWS; ARGS="show", "redrive …", "drop …", "--help"
	@$(WAYBILL) dead-letters $(ARGS)

check: .venv/stamp .venv/sam/stamp ## format, lint and types of Rust and Python; sam validate --lint of every template
	@$(WAYBILL) check

test: .venv/stamp .venv/sam/stamp ## every check; what needs a stack on stacks of their own, side by side
	@$(WAYBILL) test

model: .venv/stamp ## model-check the checkout of one order and of two under crashes, duplicates and delays (about 2 minutes)
	@$(WAYBILL) model

fuzz: .venv/stamp ## generated requests at the running stack, which changes what is in it (WAYBILL_FUZZ_SEED, WAYBILL_FUZZ_EXAMPLES)
	@$(WAYBILL) fuzz

fuzz-parsers: .venv/stamp ## generated input at all that reads what comes from outside, without a stack (PROPTEST_CASES of each, 20000)
	@$(WAYBILL) fuzz-parsers

check-login-timing: .venv/stamp ## failed logins of known and unknown names on the running stack: do their times differ?
	@$(WAYBILL) check-login-timing

bench: .venv/stamp ## Waybill beside bare Lambdas: requests, checkout to paid, starts, a million orders (about 10 minutes once the functions are built as they ship)
	@$(WAYBILL) bench

bench-quick: .venv/stamp ## the same in about 2 minutes, to see whether it works (WAYBILL_BENCH_PROFILE=release builds sooner)
	@$(WAYBILL) bench-quick

bench-stock: .venv/stamp ## reservations of one product a second, by the number of counters its stock lies in (about 4 minutes)
	@$(WAYBILL) bench-stock

rebuild-search: .venv/stamp ## build the search index of the running stack anew
	@$(WAYBILL) rebuild-search

bench-search: .venv/stamp ## how good and how fast is the search, with 1,200 and with 50,000 products? (a stack of its own, some minutes)
	@$(WAYBILL) bench-search

rebuild-orders: .venv/stamp ## build the views of all orders of the running stack again, from their events
	@$(WAYBILL) rebuild-orders

rebuild-analytics: .venv/stamp ## count the figures of the running stack again, from analytics' log
	@$(WAYBILL) rebuild-analytics

cost: .venv/stamp ## what does an order use of AWS, and what does a million of them cost? (a stack of its own, 2 minutes)
	@$(WAYBILL) cost

preview-mails: .venv/stamp ## write all that customers are told, with sample data, to build/preview, to look at
	@$(WAYBILL) preview-mails

bench-websocket: .venv/stamp ## how soon is a paid order told to who follows it, and what do many followers cost? (on the running stack)
	@$(WAYBILL) bench-websocket

chaos: .venv/stamp ## 500 orders while functions die, messages are lost and repeated, AWS fails; then an audit of all tables (8 minutes; WAYBILL_CHAOS_SEED, WAYBILL_CHAOS_ORDERS)
	@$(WAYBILL) chaos

openapi: .venv/stamp ## write openapi.json from the code
	@$(WAYBILL) openapi

asyncapi: .venv/stamp ## write asyncapi.json and the events' JSON Schemas from the code
	@$(WAYBILL) asyncapi

dist: .venv/stamp ## the archives that ship, in build/dist, with their sizes
	@$(WAYBILL) dist

# It would be where every recipe looks for programs.
ifeq ($(origin PATH),command line)
$(error PATH says where programs are; the path of a new endpoint is ROUTE=/api/v1/…)
endif

# The variables that make itself was given, as arguments; what happens to be in the environment does not count.
given = $(foreach name,$(1),$(if $(filter command,$(origin $(name))),$(name)='$(subst ','\'',$($(name)))'))

new-context: .venv/stamp ## write a new context: NAME=reviews
	@$(WAYBILL) new-context $(call given,NAME)

new-function: .venv/stamp ## write a new function: CONTEXT=reviews NAME=get-review KIND=endpoint|consumer|schedule (without arguments: all of them)
	@$(WAYBILL) new-function $(call given,CONTEXT NAME KIND METHOD ROUTE ACCESS LIMIT SOURCE EVENTS RATE)

.venv/stamp: tools/requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not installed: install Python 3.10 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: $(PYTHON) is older than 3.10: name a newer one, PYTHON=python3.12 make" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "error: $(PYTHON) cannot make environments: apt install python3-venv" >&2; exit 1; }
	@echo "installing the Python tools into .venv"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/requirements.txt
	@touch .venv/stamp

# SAM wants older versions of what the local stack runs on. Its lock is complete, so that nothing is resolved.
.venv/sam/stamp: tools/requirements-sam.txt .venv/stamp
	@echo "installing SAM into .venv/sam"
	@rm -rf .venv/sam && $(PYTHON) -m venv .venv/sam
	@.venv/sam/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tools/requirements-sam.txt
	@touch .venv/sam/stamp
