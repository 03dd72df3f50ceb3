# `make demo` and `make test` are all a newcomer needs; each sets up what it lacks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SNAPSHOT := out/knowledge.sqlite
STAGE ?= dev
EVENT ?= events/$(FUNCTION).json

.DEFAULT_GOAL := help
.PHONY: help setup demo up test pictures test-vlm test-training lint check-template docs bench knowledge-full build deploy deploy-emulated invoke logs lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

VIEWER := frontend/reading_room/static/niivue.umd.js

AXE := out/axe.min.js

$(VIEWER): scripts/install_from_npm.sh | $(READY)
	@scripts/install_from_npm.sh niivue $(BIN)/python

$(AXE): scripts/install_from_npm.sh | $(READY)
	@scripts/install_from_npm.sh axe $(BIN)/python

setup: $(READY) $(SNAPSHOT) ## install everything into .venv

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { $(PYTHON) -c "import ensurepip, venv" 2>/dev/null || echo "The venv module is missing; install it (Debian: apt install python3-venv)."; exit 2; }
	@echo "installing the pinned requirements into $(VENV) (about a minute)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(SNAPSHOT): $(READY) $(wildcard knowledge/*.py knowledge/*.yaml knowledge/notes/* knowledge/rules/* out/knowledge_documents.jsonl out/knowledge_ontologies.jsonl)
	@$(BIN)/python -m knowledge.build --output $@

demo: setup ## analyse the sample brain (or MRI_DEMO_INPUT=FILE) and show the report
	@$(BIN)/mri demo

up: setup $(VIEWER) ## run the stack until Ctrl-C; `.venv/bin/mri submit FILE --wait` talks to it
	@$(BIN)/python -m local_stack up

test: setup $(VIEWER) $(AXE) ## run all checks and tests
	@scripts/install_mariadb.sh
	@scripts/install_chromium.sh
	@scripts/install_dicom_tools.sh
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest

pictures: setup $(VIEWER) $(AXE) ## take the pictures of docs/images anew, from the running reading room
	@scripts/install_chromium.sh
	@MRI_PICTURES=docs/images $(BIN)/python -m pytest tests/browser/test_pages.py

test-vlm: setup .venv-vlm/.ready ## ask a real OpenAI-compatible server with a tiny vision-language model (installs torch)
	@MRI_TEST_VLM=1 $(BIN)/python -m pytest tests/vlm

test-training: .venv-training/.ready ## test the training code on small maps (installs torch)
	@.venv-training/bin/python -m pytest --noconftest tests/training

lint: $(READY) check-template ## ruff, mypy, template and state machine
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy layers/mri_analysis/mri_analysis client/mri_client gateway/mri_gateway models/segmentation/mri_segmentation local/local_stack local/emulated_stack knowledge migrations benchmarks scripts frontend/reading_room

check-template: $(READY) .venv-sam/.ready .venv-checks/.ready ## every check of the templates and the state machine, offline
	@$(BIN)/python -m scripts.check_template

docs: setup ## write the generated parts of the documents anew
	@for part in describe_template draw_architecture costs; do $(BIN)/python -m scripts.$$part || exit 1; done

bench: setup $(VIEWER) ## measure; writes benchmarks/results/latest.json
	@scripts/install_chromium.sh
	@$(BIN)/python -m benchmarks.run
	@$(BIN)/python -m scripts.costs

knowledge-full: setup .venv-ontologies/.ready ## add MONDO's brain disorders and UBERON's brain parts (98 MB download)
	@.venv-ontologies/bin/python -m knowledge.ontologies --output out/knowledge_ontologies.jsonl
	@$(BIN)/python -m knowledge.build --output $(SNAPSHOT)

invoke: setup ## run one function: make invoke FUNCTION=notify_user [EVENT=file]
	@$(BIN)/python -m local_stack invoke "$(FUNCTION)" "$(EVENT)"

logs: $(READY) ## follow the functions' logs; JOB=id shows one study with its trace
	@$(BIN)/python -m local_stack logs $(if $(JOB),--job $(JOB),--follow)

lock: ## pin the requirements anew (needs uv)
	@set -e; pin="uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --python-version 3.11"; \
	$$pin requirements/dev.in -o requirements/dev.txt; $$pin requirements/sam.in -o requirements/sam.txt; \
	$$pin pipeline/requirements.in -o pipeline/requirements.txt; \
	$$pin -c requirements/dev.txt pipeline/requirements_smoke_test.in -o pipeline/requirements_smoke_test.txt; \
	$$pin requirements/checks.in -o requirements/checks.txt; $$pin requirements/emulated.in -o requirements/emulated.txt; \
	$$pin --override requirements/vlm_without.txt requirements/vlm.in -o requirements/vlm.txt; \
	$$pin -c requirements/dev.txt requirements/training.in -o requirements/training.txt; $$pin --no-deps requirements/cfn_guard.in -o requirements/cfn_guard.txt; \
	$$pin -c requirements/dev.txt requirements/ontologies.in -o requirements/ontologies.txt; \
	for name in layers/mri_analysis functions/prepare_study functions/export_results functions/migrate_database models/segmentation frontend gateway; do \
	  $$pin -c requirements/dev.txt $$name/requirements.in -o $$name/requirements.txt; \
	done

build: setup .venv-sam/.ready ## build what is deployed, without Docker (wheels for Lambda's Python)
	@SAM_CLI_TELEMETRY=0 PYTHON=$(abspath $(BIN)/python) .venv-sam/bin/sam build --template template.yaml

deploy: build ## deploy one stage from here: make deploy STAGE=dev [VALUES="Name=value ..."]
	@$(BIN)/python -m scripts.deploy $(STAGE) $(VALUES)

deploy-emulated: setup .venv-sam/.ready .venv-emulated/.ready ## sam deploy into MiniStack, and one study through it
	@$(BIN)/python -m emulated_stack

.venv-sam/.ready: requirements/sam.txt
	@echo "installing the SAM command line into .venv-sam"
	@$(PYTHON) -m venv .venv-sam
	@.venv-sam/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/sam.txt
	@touch $@

.venv-emulated/.ready: requirements/emulated.txt
	@echo "installing MiniStack into .venv-emulated"
	@$(PYTHON) -m venv .venv-emulated
	@.venv-emulated/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/emulated.txt
	@touch $@

.venv-vlm/.ready: requirements/vlm.txt
	@echo "installing transformers and torch into .venv-vlm"
	@$(PYTHON) -m venv .venv-vlm
	@.venv-vlm/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/vlm.txt
	@.venv-vlm/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	@touch $@

.venv-training/.ready: requirements/training.txt
	@echo "installing torch into .venv-training"
	@$(PYTHON) -m venv .venv-training
	@.venv-training/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/training.txt
	@.venv-training/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	@touch $@

.venv-checks/.ready: requirements/checks.txt requirements/cfn_guard.txt
	@echo "installing checkov and cfn-guard into .venv-checks"
	@$(PYTHON) -m venv .venv-checks
	@.venv-checks/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/checks.txt -r requirements/cfn_guard.txt
	@$(PYTHON) -m scripts.template_checks.cfn_guard .venv-checks
	@touch $@

.venv-ontologies/.ready: requirements/ontologies.txt
	@echo "installing MONDO and UBERON into .venv-ontologies"
	@$(PYTHON) -m venv .venv-ontologies
	@.venv-ontologies/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/ontologies.txt
	@touch $@

clean: ## remove what the product made
	rm -rf $(VENV) .venv-sam .venv-checks .venv-emulated .venv-vlm .venv-training .venv-ontologies out .aws-sam
