# Every target sets the environment up first; that is immediate when nothing has changed.
PYTHON := .venv/bin/python
# What `test` runs, e.g. make test TESTS=tests/test_packaging.py
TESTS ?= tests
PYTEST := $(PYTHON) -m pytest --ignore=tests/benchmarks

.DEFAULT_GOAL := help
.PHONY: help setup movi dataset test test-flink image image-test benchmark lint lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv with everything pinned in docker/requirements.lock
	@.ci/setup

movi: setup ## generate one MOVi-A scene in output/
	$(PYTHON) worlds/movi.py --seed=3 --overwrite

dataset: setup ## make a dataset of sixteen scenes in output/datasets
	$(PYTHON) -m beam_pipelines.generate --world=movi --num_scenes=16 --resolution=128,64 --data_dir=output/datasets

test: setup ## run the tests (TESTS=path for some of them)
	$(PYTEST) $(TESTS)

test-flink: setup ## run the pipeline on a local Flink cluster, one TaskManager killed (fetches 0.5 GB; needs Java and mvn)
	$(PYTEST) -m flink tests/flink

image: ## build the container image kubric-gen (ENGINE=docker or podman, BUILD_FLAGS for its build command)
	@docker/build.sh $(BUILD_FLAGS)

image-test: setup ## build the image on a local container engine and try everything about it
	$(PYTEST) -m image -rs --log-cli-level=INFO --log-cli-format="%(name)s: %(message)s" tests/docker

benchmark: setup ## measure speed, memory and quality
	$(PYTHON) tests/benchmarks/run.py

lint: setup ## check style and types
	$(PYTHON) -m ruff check --output-format concise .
	$(PYTHON) -m mypy

lock: ## resolve setup.cfg into the lock files of docker/ (LOCK_FLAGS=--upgrade for the newest versions)
	@PATH="$(CURDIR)/.venv/bin:$$PATH"; \
	command -v uv >/dev/null || { echo "make lock: uv is missing: run .ci/setup, or install uv" >&2; exit 2; }; \
	compile() { \
	  uv pip compile setup.cfg --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes \
	    --custom-compile-command "make lock" --quiet "$$@"; \
	}; \
	set -e; \
	compile --extra test --extra beam --extra docker --extra dev $(LOCK_FLAGS) --output-file docker/requirements.lock; \
	compile --constraint docker/requirements.lock --output-file docker/render.lock; \
	compile --constraint docker/requirements.lock --extra test --extra beam --output-file docker/full.lock

clean: ## remove build products and caches; .venv and output/ stay
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find kubric_gen worlds beam_pipelines tests -name __pycache__ -prune -exec rm -rf {} +
