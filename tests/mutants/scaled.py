"""A pytest plugin that multiplies one constant: CLIPSEEK_TEST_SCALED=clipseek.sampling._NOISE*2."""

import os
from importlib import import_module

import pytest

VARIABLE = "CLIPSEEK_TEST_SCALED"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Change the constant before anything imports it by its name: fixtures, then tests."""
    spec = os.environ.get(VARIABLE)
    if spec is None:
        return
    target, _, factor = spec.partition("*")
    module, _, name = target.rpartition(".")
    namespace = import_module(module)
    value = getattr(namespace, name)
    setattr(namespace, name, type(value)(value * float(factor)))
