# `make demo` and `make test` do all of their own set-up on a fresh machine with Python 3.11 and git.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test lint setup isolation clean

demo: $(READY) isolation
	rm -rf demo
	$(BIN)/zachet demo --out demo

test: lint isolation
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy grader variants tests benchmarks hatch_build.py
	$(BIN)/python -m pytest -q tests/test_architecture.py

setup: $(READY) isolation

# The environment is made anew whenever what it is made from has changed.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "zachet needs Python 3.11 or newer; name one with make PYTHON=python3.12."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment here. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

# bubblewrap is a system package: installed when root or a password-free sudo allows it.
isolation:
	@command -v bwrap >/dev/null || sh .ci/install-bubblewrap || \
	  echo "bubblewrap is not installed and could not be: submissions cannot be isolated. Ask an administrator for 'apt-get install bubblewrap'."

clean:
	rm -rf $(VENV) demo dist build
