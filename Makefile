# make demo    a heart-rate monitor and its reader, two adafruit_ble programs on one simulated
#              radio;  bleio demo  is the same by plain _bleio, where bleio alone is installed
# make test    all tests but those of  make test-os  (on BlueZ in an emulated machine) and
#              make test-packaging
# make stacks  fetches other people's Bluetooth stacks for tests, which skip where they are not
# make fuzz MINUTES=60   hostile input of all kinds, for as long as that;  make soak MINUTES=60
#              links, restarts, full disks and dead radios, and whether all is then as it was
# make bench   measures speed and memory beside other stacks and older versions, and says which
#              goals are met; five minutes;  make bench LONG=1  sends ten million packets, too
# make dist    the wheel and the sdist, checked as a package index would, and more strictly
# make docs    builds the documentation's site into site/, strictly;  make docs SERVE=1  shows it
# make bare-debian   README's commands, as a new user of a new Debian types them; needs root
# make lint    ruff and mypy
# make clean   remove what the others made
# PYTHON=...   the interpreter to make .venv with
# WORKERS=...  how many tests run at once

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
# Most tests wait most of the time, for programs and for radios in real time.
WORKERS ?= 6
# Slow tests stand together, so a worker gets few at once: else some of them have much left to do
# when the others have ended.
AT_ONCE := --maxschedchunk=2
# Images of containers often forbid it, and then each of hundreds of programs compiles everything.
CACHED := env -u PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest

MINUTES ?= 10
INSTALLED_FUZZ := $(VENV)/.installed-fuzz

.PHONY: demo install dev stacks test test-os test-packaging dist bare-debian fuzz soak bench docs lint format clean

demo: $(INSTALLED)
	$(BIN)/python examples/demo.py

install: $(INSTALLED)
dev: $(INSTALLED_DEV)

$(VENV)/pyvenv.cfg:
	tools/make-venv "$(PYTHON)" $(VENV)

# Editable, so that a changed source needs no new installation.
$(INSTALLED): pyproject.toml src/bleio-precedence.pth | $(VENV)/pyvenv.cfg
	@echo "Installing bleio and the libraries of its examples into $(VENV) (once; under a minute)"
	$(PIP) install -e ".[examples]"
	@touch $@

$(INSTALLED_DEV): pyproject.toml src/bleio-precedence.pth | $(VENV)/pyvenv.cfg
	@echo "Installing bleio and all that its tests need into $(VENV) (700 MB; a few minutes)"
	$(PIP) install -e ".[dev]"
	@touch $(INSTALLED) $@

stacks: $(INSTALLED_DEV)
	cd tests && ../$(BIN)/python -m support.stacks

test: $(INSTALLED_DEV)
	$(CACHED) $(PYTEST) -n $(WORKERS) $(AT_ONCE) -m "not packaging and not machine" --durations=30 --durations-min=5

# Not more at once: an emulated machine has Bluetooth's time limits without Bluetooth's speed. What
# misses one of them, or meets a fault by which bluetoothd 5.66 ends, is run once more by itself.
ON_BLUEZ := tests/conformance tests/interop/os -m machine
test-os: $(INSTALLED_DEV)
	$(PYTEST) -n 2 --dist worksteal $(ON_BLUEZ) --durations=10 --durations-min=5 || { \
		[ $$? = 1 ] && echo "Once more what has failed:" && \
		$(PYTEST) $(ON_BLUEZ) --last-failed --last-failed-no-failures none; }

test-packaging: $(INSTALLED_DEV)
	$(PYTEST) tests/packaging

dist: $(INSTALLED_DEV)
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

DEBIANS ?= bookworm trixie
bare-debian: $(INSTALLED_DEV)
	for release in $(DEBIANS); do tools/bare_debian.sh $$release README.md || exit 1; done

# Where there is no wheel of atheris the extra is empty, and inputs are made by chance.
$(INSTALLED_FUZZ): pyproject.toml | $(INSTALLED_DEV)
	$(PIP) install -e ".[dev,fuzz]"
	@touch $@

fuzz: $(INSTALLED_FUZZ)
	cd tests && ../$(BIN)/python -m fuzz --minutes $(MINUTES)

soak: $(INSTALLED_DEV)
	cd tests && ../$(BIN)/python -m soak --minutes $(MINUTES)

bench: $(INSTALLED_DEV)
	$(CACHED) $(BIN)/python bench $(if $(LONG),--long $(LONG)) --output bench/results.json
	$(BIN)/python bench --page

lint: $(INSTALLED_DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The theme warns of MkDocs 2 at each build; pyproject.toml keeps that away, and says what comes then.
docs: $(INSTALLED_DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs $(if $(SERVE),serve,build --strict)

format: $(INSTALLED_DEV)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) dist build site .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz
	find src tests examples bench -name __pycache__ -type d -prune -exec rm -rf {} +
