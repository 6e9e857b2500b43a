# Each target sets up what it needs; on a fresh machine `make demo` and `make test` are enough.
PYTHON ?= python3
# Tests and the lab start hundreds of processes, each of which would compile us anew.
export PYTHONDONTWRITEBYTECODE :=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
USABLE := $(VENV)/.usable

.DEFAULT_GOAL := help
.PHONY: help setup lock docs demo demo-upgrade demo-people demo-switchover fuzz test test-long chaos chaos-kills test-fresh soak lint package image sbom format cov bench-alarms bench-decisions bench-holdout bench-analysis bench-chaos bench-crowd bench-fleet bench-hostile bench-look bench-memory bench-mesh bench-page bench-push bench-soak-day bench-soak-hour bench-sources bench-startup bench-survival bench-under-way bench-visitors bench-writes sim crashes mutants generate clean

help:            ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

setup: $(READY)  ## the virtual environment with everything that use, tests and checks need

# An installation never resolves: each line of a lock is taken as it stands (--no-deps), by its hash.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes

$(USABLE): requirements-lab.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: install Python 3.11 or newer"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: set PYTHON=python3.11 or newer"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "venv is missing: apt-get install python3-venv"; exit 1; }
	@echo "installing $$(grep -c == $<) packages into $(VENV); one to three minutes"
	@$(INSTALL) -r $<
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(READY): requirements-dev.lock $(USABLE)
	@echo "installing what tests and checks need"
	@$(INSTALL) -r $<
	@touch $@

lock: $(READY)   ## both locks anew, from pyproject.toml
	.ci/lock --upgrade

demo: $(USABLE)  ## the main job: a good release and a bad one, on a real Envoy
	$(BIN)/rollout lab demo

demo-people: $(USABLE)  ## a pull request, a signed push, Slack's prompt, a click, a green status
	$(BIN)/rollout lab demo --people

demo-upgrade: $(USABLE)  ## the mesh itself: a good upgrade of the control plane, and a bad one
	$(BIN)/rollout lab demo --upgrade --rate 200

demo-switchover: $(USABLE)  ## users move between two clusters by DNS: to a bad one and back, then for good
	$(BIN)/rollout lab demo --switchover

test: $(READY)   ## every test, and of the long journeys one of each kind (about 25 minutes)
	$(BIN)/python -m pytest -q -m "not long and not chaos or short"

test-long: $(READY) ## all journeys, faults and gates on real traffic (about half an hour)
	$(BIN)/python -m pytest -q -m long

chaos: $(READY) ## real processes killed, stopped, cut off and starved (about a quarter of an hour)
	$(BIN)/python -m pytest -q -m chaos

test-fresh: $(READY) ## every property with examples that were never drawn before (about 25 minutes)
	$(BIN)/python -m pytest -q -m "not lab and not envtest" --hypothesis-profile fresh

soak: $(READY)   ## 20 good releases at 200 requests a second: none may fail
	$(BIN)/python -m benchmarks.soak

lint: $(READY)   ## format, ruff, mypy --strict, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

package: $(READY) ## the wheel and the source archive, and a look at both
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/twine check --strict dist/*
	.ci/wheel-works dist/*.whl

sbom: $(READY)   ## what the image holds of Python, as CycloneDX, in dist/rollout.cdx.json
	@mkdir -p dist
	$(BIN)/python .ci/sbom > dist/rollout.cdx.json

# Root on Debian; BASE=debian where no registry of images is in reach (.ci/image says what that is).
image:           ## the image, by Debian's buildah, and a look inside as both of its users, in build/image
	.ci/image build/image

DOCS := .venv-docs

$(DOCS)/.ready: requirements-docs.lock
	@$(PYTHON) -m venv $(DOCS)
	@echo "installing what builds the site"
	@$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

docs: $(DOCS)/.ready ## the docs as a site, in build/site; a warning fails it
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet

format: $(READY) ## what lint can put right by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(READY) ## CRDs, reference pages and diagrams, from the nouns
	$(BIN)/python -m tests.generate

cov: $(READY)    ## branch coverage of the core
	$(BIN)/python -m pytest -q -m "not lab and not envtest" --cov=rollout --cov-branch --cov-report=term-missing

bench-alarms: $(READY) ## how rarely a good release is sent back: 3,200 of them, by the rule (ten minutes)
	nice -n 10 $(BIN)/python -m benchmarks.alarms

bench-decisions: $(READY) ## the gate and the product against the peers' rules, 100 scenarios (a quarter of an hour)
	nice -n 10 $(BIN)/python -m benchmarks.decisions --jobs 2

bench-holdout: $(READY) ## the same in a world that the gate was not tuned on (a few minutes)
	nice -n 10 $(BIN)/python -m benchmarks.decisions --holdout --jobs 2

bench-analysis: $(READY) ## queries and CPU of 1,000 rollouts under analysis
	$(BIN)/python -m benchmarks.fleet_analysis

bench-crowd: $(READY) ## 1,000 under way and 10,000 at rest: memory, CPU, beginning anew (some minutes)
	$(BIN)/python -m benchmarks.crowd

bench-fleet: $(READY) ## 1,000 journeys at once on a real kube-apiserver (KUBEBUILDER_ASSETS; some ten minutes)
	$(BIN)/python -m benchmarks.fleet

bench-soak-day: $(READY) ## what a controller holds after a day of journeys, in virtual time (some minutes)
	$(BIN)/python -m benchmarks.soak_day

bench-soak-hour: $(READY) ## the same for an hour on a real kube-apiserver (KUBEBUILDER_ASSETS)
	$(BIN)/python -m benchmarks.soak_hour

bench-memory: $(READY) ## what an idle rollout keeps in memory
	$(BIN)/python -m benchmarks.memory

bench-mesh: $(READY) ## inventory, rules and plan of a mesh of 20,000 pods
	$(BIN)/python -m benchmarks.mesh

bench-page: $(READY) ## what the page costs the controller and the browser (a minute)
	$(BIN)/python -m benchmarks.page

bench-look: $(READY) ## what one look costs beside 1 and beside 10,000 Services
	$(BIN)/python -m benchmarks.look_cost

bench-hostile: $(READY) ## how long a hostile file keeps its reader busy
	$(BIN)/python -m benchmarks.hostile

bench-push: $(READY) ## from a push to the first route change, with a webhook (about two minutes)
	$(BIN)/python -m benchmarks.push

bench-sources: $(READY) ## git sources: 10,000 files, 1,000 manifests, one file changed; 200 sources polled (a few minutes)
	$(BIN)/python -m benchmarks.sources

bench-chaos: $(READY) ## how long nobody leads when a leader dies, ends or stands still; CPU by shards (half an hour)
	$(BIN)/python -m benchmarks.chaos
	$(BIN)/python -m benchmarks.chaos --cores

KILLS ?= 200
SEED ?= 13
chaos-kills: $(READY) ## KILLS=200 real kills at chosen moments of 66 kinds of journeys, SEED=13 (an hour)
	$(BIN)/python -m benchmarks.kills --kills $(KILLS) --seed $(SEED)
	$(BIN)/python -m benchmarks.survival --kills 40 --seed $(SEED)

bench-startup: $(READY) ## CPU until a command begins its work
	$(BIN)/python -m benchmarks.startup

bench-under-way: $(READY) ## what journeys cost the controller itself: CPU of a look and of a write (a minute)
	$(BIN)/python -m benchmarks.under_way

bench-writes: $(READY) ## writes of a journey, by how long its steps last
	$(BIN)/python -m benchmarks.writes

bench-visitors: $(READY) ## what the lab's visitors cost
	$(BIN)/python -m benchmarks.visitors

bench-survival: $(READY) ## ten kills of the controller in mid-journey, visitors counted
	$(BIN)/python -m benchmarks.survival

clean:           ## forget the virtual environments
	rm -rf $(VENV) $(DOCS)

SEEDS ?= 200
FROM ?= 1
sim: $(READY)    ## SEEDS=200 FROM=1: seeded worlds that fail, through the whole controller
	$(BIN)/python -m tests.sim.campaign --seeds $(SEEDS) --from $(FROM) $(if $(JOBS),--jobs $(JOBS))

PAIRS ?= 1
SHARE ?= 1
crashes: $(READY) ## PAIRS=1 SHARE=1: killed at every effect of 138 journeys, at PAIRS percent again (an hour)
	$(BIN)/python -m tests.sim.crashes --share $(SHARE) --pairs $(PAIRS)

mutants: $(READY) ## guards spoilt one at a time: does the simulator see it? (a quarter of an hour)
	$(BIN)/python -m tests.sim.mutants

MINUTES ?= 8
FUZZ := $(VENV)/.fuzz
fuzz: $(FUZZ)    ## MINUTES=8: hostile input at eight doors, by seeds, Hypothesis and Atheris
	$(BIN)/python -m tests.fuzz.campaign --minutes $(MINUTES)

$(FUZZ): requirements-fuzz.lock $(READY)
	@$(INSTALL) -r $<
	@touch $@
