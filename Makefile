# Everything a newcomer types. `make up` and open the printed page; `make test` needs nothing else first.
.PHONY: help venv web up test lint bench soak fuzz chaos docs images timescaledb audit sbom reference clean
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
page := $(shell find services/web \( -name node_modules -o -name dist \) -prune -o -type f -print 2>/dev/null)

help:
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 20

up: venv web ## the whole platform on this machine, running the example (ARGS="--port 8090")
	@exec heddle up --demo --time-scale 10 $(ARGS)

test: venv web ## every test; skips what needs a program that is missing (ARGS="-k rollout")
	@tools/test.sh $(ARGS)

lint: venv ## style, types and import contracts
	@tools/lint.sh

bench: venv web ## the figures promised in the docs (BENCH="up command")
	@for bench in $(or $(BENCH),$$(python -m tests.bench)); do python -m tests.bench $$bench || exit; done

soak: venv ## kill the engine 1,000 times in each runtime (ARGS="--kills 100 --runtime process")
	@python -m tests.soak engine $(ARGS)

fuzz: venv ## a million inputs each for the parser and the engine's socket (ARGS="--inputs 10000")
	@for target in parser socket; do python -m tests.fuzz $$target $(ARGS) || exit; done

chaos: venv web ## misfortune for a small fleet, by a seed, then an audit (ARGS="--seed 2 --minutes 3")
	@python -m tests.chaos $(ARGS)

docs: venv ## the manual, as a web site in site/
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict

images: venv web ## container images heddle/<role>:dev (ROLES="router agent")
	@tools/images.sh $(ROLES)

timescaledb: .build/timescaledb/.ready ## PostgreSQL with TimescaleDB for tests, unpacked into .build

audit: venv ## known vulnerabilities of what is pinned (ARGS="engine page")
	@python -m tools.audit $(ARGS)

sbom: venv ## bills of materials, CycloneDX, in .build/sbom
	@python -m tools.sbom .build/sbom

venv: .venv/.ready ## Python and its packages, in .venv

web: services/web/dist/.ready ## the page, in services/web/dist

reference: venv ## the pages made from the code, after a change of contract or commands
	python -m heddle.contract.reference docs/reference
	python -m heddle.contract.typescript > services/web/src/contract.ts
	python -m heddle.workflow.typescript > services/web/src/design/rules.ts
	python -m heddle.cli.reference docs/reference/cli.md
	python -m services.gateway.openapi docs/reference/openapi.json
	python -m tools.licences docs/reference/licences.md

clean: ## remove all that was made here, but for `heddle up`'s data
	rm -rf .venv .build site services/web/node_modules services/web/dist .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ready: requirements/dev.txt requirements/build.txt pyproject.toml tools/venv.sh
	@tools/venv.sh

services/web/dist/.ready: $(page) tools/web.sh tools/node.sh | .venv/.ready
	@tools/web.sh

.build/timescaledb/.ready: tools/timescaledb-native.sh tools/debian-unpack.sh | .venv/.ready
	@tools/timescaledb-native.sh .build/timescaledb
	@touch $@
