# make repro   virtual environment, install, the whole pipeline, results in MLflow
# make try     the whole on a small draw, in minutes, in a copy below .cache/try
# make test    the same set-up, then the tests
# make test-fast    those without `dvc`, browser, Ray, and not in tests/slow.txt, in two minutes
# make test-adapters   adapters in the real frameworks, each in an environment of its own (.cache/adapters-NAME/venv)
# make test-clients   real agent clients (Codex, Claude Code, opencode) through the proxy; npm installs them, a gigabyte
# make lint    style, and that imports run one way; make format puts the style right
# make same-twice   two clean clones give the same bytes (tiny parameters; TINY= for those of params.yaml)
# make same-elsewhere   what this run gave against what other processors gave (docs/processors.json), and adds itself
# make remember     what the language model answered in the last run, for everybody: data/embedded/answers.parquet
# make soak         kill `dvc repro` 30 times, in every stage
# make bench   speed against rivals, into docs/performance.md (after make repro)
# make plots   what `dvc plots` shows, on a page that needs no network: .cache/plots/index.html
# make site    the documentation as one searchable site that needs no network: .cache/docs/index.html
# make croissant   data/embedded/croissant.json, metadata of the arenas, checked by reading them through it
# make lock    requirements.lock anew, from what pyproject.toml allows today
# make sbom    sbom.json, every installed package with its licence; make audit, their known vulnerabilities (docs/security.md)
#
# PYTHON=python3.12        another Python (3.11 to 3.13) for the virtual environment
# UNLOCKED=1               the newest versions that pyproject.toml allows, in place of those of requirements.lock
# TORCH_INDEX=URL          an index with CPU builds of torch, for a machine that would get the large GPU build

# taken before PATH changes: a virtual environment cannot make itself anew
ifndef PYTHON
PYTHON := $(shell command -v python3.11 || command -v python3)
endif
TORCH_INDEX ?=
TINY ?= --tiny

# relative: make would split names of targets at a space in the path of this folder
VENV := .venv
READY := $(VENV)/.ready
TOOLS := .cache/tools
CLIENTS := .cache/clients
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export HF_HUB_DISABLE_TELEMETRY := 1
# without compiled bytecode every stage would spend 18 s on imports
unexport PYTHONDONTWRITEBYTECODE
.DELETE_ON_ERROR:
# whatever is asked of git is asked before anything is installed, under -j too
.NOTPARALLEL:
.PHONY: setup in-git repro try test test-fast test-adapters clients test-clients format lint same-twice same-elsewhere remember soak bench plots site croissant lock sbom audit

setup: $(READY)

$(READY): pyproject.toml requirements.lock requirements-torch.txt requirements-nodeps.txt
	@command -v '$(PYTHON)' >/dev/null || { echo "No Python '$(PYTHON)' here: install Python 3.11, or name one: make PYTHON=python3.12" >&2; exit 1; }
	$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || '$(PYTHON)' -m venv --clear $(VENV)
ifdef UNLOCKED
	$(VENV)/bin/python -m pip install $(addprefix --extra-index-url ,$(TORCH_INDEX)) -e '.[dev]'
else
	$(VENV)/bin/python -m pip install --no-deps --require-hashes -r requirements.lock
	$(VENV)/bin/python -m pip install $(addprefix --extra-index-url ,$(TORCH_INDEX)) -r requirements-torch.txt
	$(VENV)/bin/python -m pip install --no-deps -e .
endif
	$(VENV)/bin/python -m pip install --no-deps -r requirements-nodeps.txt
	cd $(VENV)/lib/python3*/site-packages && echo 'import lrrc.runtime.dvc_patch' > lrrc_dvc_files.pth
	touch $@

# by its file first: git itself refuses the folder of another user, dvc does not
in-git:
	@test -e .git || git rev-parse --git-dir >/dev/null 2>&1 || { echo 'No git repository here, and DVC needs one: git clone the project, or type git init && git add -A && git commit -m start' >&2; exit 1; }

repro: in-git setup
	dvc repro
	python -m lrrc.report.readme_block
	python -m lrrc.report.audit
	python -m lrrc.report.artifact
	lrrc log
	@echo "Report: $$(pwd)/report/index.html"

try: setup
	python tools/try_small.py

test: setup
	pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not clients'

test-fast: setup
	pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not pipeline and not browser and not ray and not slow and not clients'

clients: $(CLIENTS)/.ready

# Anthropic's types lie beside, not in the environment: nothing but these tests wants them
$(CLIENTS)/.ready: tests/clients/package.json | setup
	@command -v npm >/dev/null || { echo 'No npm here: install Node.js 20 or newer, which brings it' >&2; exit 1; }
	mkdir -p $(CLIENTS)
	cp tests/clients/package.json $(CLIENTS)
	npm install --prefix $(CLIENTS) --no-audit --no-fund --no-package-lock
	$(VENV)/bin/python -m pip install --no-deps --upgrade --target $(CLIENTS)/python anthropic==2.14.0 docstring-parser==0.18.0
	touch $@

test-clients: setup clients
	PYTHONPATH=$(CLIENTS)/python pytest tests/clients tests/middleware/test_anthropic_messages.py tests/middleware/test_anthropic_proxy.py

test-adapters: setup
	python tools/test_adapters.py

format: setup
	ruff check --fix .
	ruff format .

lint: setup
	ruff check .
	ruff format --check .
	lint-imports --no-cache --no-logo

same-twice: setup
	python tools/same_twice.py $(TINY)

same-elsewhere: setup
	python tools/processors.py --add

remember: setup
	python tools/remember.py

soak: setup
	python tools/kill_soak.py --kills 30

bench: setup
	OMP_NUM_THREADS=1 python bench/run.py

# from then on every `dvc plots show` and `dvc plots diff` here writes such a page
plots: setup .cache/plots.html
	dvc config --local plots.html_template '$(CURDIR)/.cache/plots.html'
	dvc plots show --out .cache/plots

.cache/plots.html: tools/plots_template.py
	$(TOOLS)/bin/python -m pip --version >/dev/null 2>&1 || '$(PYTHON)' -m venv --clear $(TOOLS)
	$(TOOLS)/bin/python -m pip install 'vl-convert-python>=1.9,<2'
	$(TOOLS)/bin/python tools/plots_template.py $@

site: $(TOOLS)/bin/mkdocs
	NO_MKDOCS_2_WARNING=1 $(TOOLS)/bin/mkdocs build --quiet
	@echo "Site: $$(pwd)/.cache/docs/index.html"

croissant: $(TOOLS)/bin/mlcroissant
	$(TOOLS)/bin/python -m pip install 'pandas>=2' 'pyarrow>=25'
	$(TOOLS)/bin/python tools/croissant.py

lock: $(TOOLS)/bin/uv
	$(TOOLS)/bin/python tools/lock.py

sbom: setup $(TOOLS)/bin/cyclonedx-py
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.json $(VENV)/bin/python

# asks PyPI's advisory service: needs a network; without one, or for a package that it does not know, it fails
audit: setup $(TOOLS)/bin/pip-audit
	$(VENV)/bin/python -m pip freeze --exclude-editable > $(TOOLS)/installed.txt
	$(TOOLS)/bin/pip-audit --strict --no-deps --disable-pip -r $(TOOLS)/installed.txt --progress-spinner off

$(TOOLS)/bin/cyclonedx-py: PACKAGE := cyclonedx-bom
$(TOOLS)/bin/pip-audit: PACKAGE := pip-audit
$(TOOLS)/bin/uv: PACKAGE := uv
$(TOOLS)/bin/mlcroissant: PACKAGE := 'mlcroissant>=1.1,<2'
$(TOOLS)/bin/mkdocs: PACKAGE := 'mkdocs-material>=9.6,<10'
$(TOOLS)/bin/%:
	$(TOOLS)/bin/python -m pip --version >/dev/null 2>&1 || '$(PYTHON)' -m venv --clear $(TOOLS)
	$(TOOLS)/bin/python -m pip install $(PACKAGE)
