# Wheels for what `sam build` makes, chosen for the machine that will run them and not for this one: neither
# Docker nor Lambda's Python is needed here. LAMBDA_PYTHON=here takes those of the interpreter at hand, for
# the local stack. Included by the Makefiles of the layer and of the functions.
LAMBDA_PYTHON ?= 3.13
PYTHON ?= python3

INSTALL_WHEELS := $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    --only-binary=:all:
ifneq ($(LAMBDA_PYTHON),here)
# Amazon Linux 2023 has glibc 2.34: everything up to manylinux_2_34 would run, these two are what is published.
INSTALL_WHEELS += --implementation cp --python-version $(LAMBDA_PYTHON) \
    --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64
endif
