# Needs GNU make 3.81 or newer and Python 3.11 or newer. Every target can be run twice. `make` lists them.

PYTHON ?= python3
PIP_ARGS ?=
# CPU=1, when .venv is made: PyTorch without CUDA, from its own index of CPU builds, which README names, or a mirror.
CPU ?=
CPU_INDEX ?= $(shell grep -o 'https://[^ ;]*whl/cpu' README.md)
# The versions that were tested together; LOCK= takes the newest. Made by
#     uv pip compile pyproject.toml --all-extras --universal --no-annotate --no-header -o lock.txt
LOCK ?= lock.txt
# uv installs in a fraction of pip's time; UV= leaves it aside.
UV ?= $(shell command -v uv 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin
INSTALL = $(if $(UV),$(UV) pip install --python $(BIN)/python,$(BIN)/python -m pip install --require-virtualenv \
	--disable-pip-version-check) --quiet $(strip $(LOCK:%=-c %) $(PIP_ARGS))
STAMP := $(VENV)/installed

FIRST_NOTEBOOKS = $(wildcard notebooks/00_*.ipynb) $(wildcard notebooks/01_*.ipynb) $(wildcard notebooks/01b_*.ipynb) $(wildcard notebooks/02_*.ipynb)
# What the stamp holds: an environment belongs to one folder, pyproject.toml and lock. Contents are compared, not times.
WANTED = { pwd -P; cat pyproject.toml lock.txt; }

# A program for all Python files and notebooks that git tracks: files of one's own beside them are left alone.
TRACKED = git ls-files -z -- '*.py' '*.ipynb' | xargs -0

# Two tests at a time or more, as the machine has cores; what shares a trained run, a server or a browser stays together.
SIDE_BY_SIDE = -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# Hundreds of processes import the course: what Python compiled is kept, whatever the environment says.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup course course-all lint quick test rest test-all soak release-check gpu site decks class lab clean
.DEFAULT_GOAL := help

help: ## this list
	@echo "make TARGET, with:"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "  %-13s %s\n", $$1, $$2 }'
	@echo "Another interpreter:       make setup PYTHON=python3.12"
	@echo "Without CUDA, for the CPU: make setup CPU=1"
	@echo "The newest versions of all: make setup LOCK="

setup: ## create .venv and install the course into it (again only if pyproject.toml or lock.txt changed)
	@if [ "$(LOCK)$(PIP_ARGS)" = lock.txt ] && $(WANTED) | cmp -s - $(STAMP) && $(BIN)/python -c "" 2>/dev/null; then exit 0; fi; \
	set -e; rm -f $(STAMP); \
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is not. Name another: make setup PYTHON=python3.12" >&2; exit 1; }; \
	if ! $(BIN)/python -c "import pip, sys; sys.exit(sys.prefix == sys.base_prefix)" 2>/dev/null; then \
		echo "Creating $(VENV) with $(PYTHON)"; $(PYTHON) -m venv --clear $(VENV); fi; \
	echo "Installing PyTorch, JupyterLab and the course into $(VENV): about $(if $(CPU),2,7) GB and $(if $(UV),a minute or two,2 to 5 minutes) the first time, quiet until done"; \
	start=$$(date +%s); \
	$(if $(CPU),$(INSTALL) torch torchvision --index-url $(CPU_INDEX) || { \
		echo "The index of CPU builds gave no PyTorch; make setup without CPU=1 needs the usual index alone (7 GB)" >&2; exit 1; };) \
	$(INSTALL) -e ".[all]"; \
	$(WANTED) > $(STAMP).new; mv $(STAMP).new $(STAMP); \
	echo "Installed in $$(( $$(date +%s) - start )) s"

course: setup ## run the first notebooks (00 to 02) into build/
	$(BIN)/course run $(FIRST_NOTEBOOKS) --out build

course-all: setup ## run every notebook into build/; those that are done are not repeated
	$(BIN)/course run --resume --out build

lint: setup ## format, ruff, what imports what, the rules for notebooks and pages, and that all that is public is used
	$(TRACKED) $(BIN)/ruff format --check
	$(TRACKED) $(BIN)/ruff check
	$(BIN)/python -m tools.lint_notebooks
	$(BIN)/python -m tools.lint_used

quick: setup ## losses, methods, networks, data, and the grader without its sandbox: two minutes on two slow cores
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -q -m "not slow" tests/test_losses.py tests/methods tests/networks tests/data tests/grader

test: lint ## lint, then each promise once: 18 minutes on two slow cores; skipped and slowest tests are named at the end
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -rs --durations=20

# What test-all adds; alone, for who has run `make test` already.
rest: setup
	$(BIN)/python -m pytest -m extra $(SIDE_BY_SIDE) -rs --durations=20

test-all: test rest ## and the electives, the site, the tools, more of the browser, a wheel

soak: setup ## the long counts that `make test` runs small; the report is build/soak.md (two hours or more)
	@mkdir -p build && printf '%s\n' '# Soak report' '' '| what was done | times | what was found |' '|---|---|---|' > build/soak.md
	$(BIN)/python -m pytest -m soak -rs
	@cat build/soak.md; echo "Written to build/soak.md. To keep it: cp build/soak.md tests/soak_report.md"

release-check: setup ## in environments of their own: the wheel, lowest versions, Colab's, Gradescope's autograder, containers (needs the net)
	PIP_ARGS="$(PIP_ARGS)" $(BIN)/python -m pytest -m release -rs --durations=5

.PHONY: release
release: setup site ## wheel, sdist, the site as a zip, and the notes of this version, into dist/
	rm -rf dist *.egg-info
	$(BIN)/python -m build --no-isolation
	@set -e; version=$$($(BIN)/python -c "import course_lib; print(course_lib.__version__)"); \
	if [ -n "$$(find dist -name '*.whl' -size +95000000c)" ]; then echo "The wheel is larger than 95 MB" >&2; exit 1; fi; \
	awk -v this="$$version" '/^## / { on = $$2 == this } on' CHANGELOG.md > dist/NOTES.md; \
	test -s dist/NOTES.md || { echo "CHANGELOG.md has no section ## $$version" >&2; exit 1; }; \
	$(BIN)/python -m zipfile -c "dist/gan_translation_course-$$version-site.zip" build/site; ls -l dist

.PHONY: badges
badges: setup ## links to Colab, Binder and Codespaces into README, once pyproject.toml names a repository on GitHub
	$(BIN)/python -m tools.badges

gpu: setup ## what one NVIDIA card can do, measured in about 15 minutes; the files go to build/gpu
	$(BIN)/python tools/bench_gpu.py --out build/gpu
	$(BIN)/course run $(foreach nb,02 04b 06 08,$(wildcard notebooks/$(nb)_*.ipynb)) --require cuda --profile gpu --out build/gpu/notebooks

site: setup ## the course as web pages, into build/site; the first time it needs npm and the network
	$(BIN)/python notebooks/site/build.py
	@echo "Look at it: python3 -m http.server --directory build/site"

# For some notebooks alone: .venv/bin/python -m tools.decks 02 06
decks: setup ## slides of every notebook, into build/decks: figures, questions, notes; CHECK=1 looks for overflow in Chromium
	$(BIN)/python -m tools.decks $(if $(CHECK),--check)

# In the JSON of a notebook a fold begins and ends inside strings, so what is left stays valid.
class: setup ## for students: build/gan-class.zip, all but tests, solutions and hidden checks; CLOSED=1: without folded solutions
	rm -rf build/class build/gan-class.zip
	mkdir -p build/class
	git archive --prefix=gan-class/ HEAD . ':!tests' ':!assignments/*.md' $(foreach part,source checks mutants hostile,':!assignments/$(part)') | tar -x -C build/class
	$(if $(CLOSED),perl -0 -pi -e 's/<details><summary>(A solution|(An|Our) answers?)<.summary>.*?<.details>/*$$1: left out in this edition.*/gs' build/class/gan-class/notebooks/*.ipynb)
	cd build/class && "$(CURDIR)/$(BIN)/python" -m zipfile -c ../gan-class.zip gan-class
	rm -rf build/class; ls -l build/gan-class.zip

# tools/lab leaves out what a learner does not need: Jupyter's news, and the buttons of nbgrader and Voila. Instructors
# type `jupyter lab`. With MPLBACKEND=Agg in the terminal, notebooks would show no figures.
lab: setup ## open JupyterLab with notebook 00
	env -u MPLBACKEND JUPYTER_CONFIG_PATH="$(CURDIR)/tools/lab$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" \
		$(BIN)/jupyter lab notebooks --LabApp.default_url=/lab/tree/00_start_here.ipynb

clean: ## remove what was built (build/, dist/, caches); keeps .venv and runs/
	rm -rf build dist *.egg-info .pytest_cache .hypothesis .ruff_cache
	find . -path ./$(VENV) -prune -o -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +
