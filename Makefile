# Everything runs in .venv, made on first use. A stamp per set of extras says that it is up to date,
# so that a second run starts at once; `dev` contains `demo`.

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
DEMO := .venv/.installed-demo
DEV := .venv/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help demo test test-full lab check bench bench-ui screenshots clean notebooks

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  PYTHON=python3.12 chooses the Python that .venv is made with;'
	@echo '  ARGS="…" is passed on, as in: make test ARGS="-k engine -x"'

demo: $(DEMO)  ## Run the quickstart notebook against the AWS sandbox and print its tables
	@$(BIN)/python -m scripts.demo $(ARGS)

test: $(DEV)  ## Run the whole suite: unit tests, notebooks (nbval), a real JupyterLab in Chromium
	$(BIN)/pytest $(ARGS)

test-full: $(DEV)  ## The same with every fault as often as the goals say: hundreds of kills, a soak
	CLOUDOPS_TEST_FULL=1 $(BIN)/pytest $(ARGS)

lab: $(DEMO)  ## Open JupyterLab on notebooks/ with the extension loaded and the sandbox's credentials
	@$(BIN)/python -m scripts.lab $(ARGS)

check: $(DEV)  ## Lint, formatting, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(DEV)  ## Measure each figure beside its peer
	@$(BIN)/python -m benchmarks $(ARGS)

bench-ui: $(DEV)  ## Measure the live view in a real Chromium
	@$(BIN)/python -m benchmarks.ui $(ARGS)

screenshots: $(DEV)  ## Take the pictures in docs/images again
	@$(BIN)/python -m scripts.screenshots

notebooks: $(DEV)  ## Run the notebooks in a real page and save them with their outputs
	@$(BIN)/python -m scripts.save_notebooks

clean:  ## Remove what was built and cached (.venv stays)
	rm -rf build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +

.venv/.installed-%: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit( \
	  "cloudops_nb needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] \
	  + "; name another one: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@ $(if $(filter dev,$*),$(DEMO))
