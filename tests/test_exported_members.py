"""The front door: what it offers, and what it costs to open it."""

import subprocess
import sys

import pytest

import cloudops_nb


@pytest.mark.parametrize("name", cloudops_nb.__all__)
def test_what_is_offered_can_be_imported(name: str) -> None:
    assert getattr(cloudops_nb, name) is not None


@pytest.mark.parametrize("name", sorted(cloudops_nb._HOME_OF))
def test_what_is_offered_is_public_where_it_lives(name: str) -> None:
    home = sys.modules[cloudops_nb._HOME_OF[name]] if getattr(cloudops_nb, name) else None
    assert name in getattr(home, "__all__", (name,))


def test_nothing_is_offered_twice() -> None:
    assert len(set(cloudops_nb.__all__)) == len(cloudops_nb.__all__)


def test_completion_shows_what_is_offered() -> None:
    assert set(cloudops_nb.__all__) <= set(dir(cloudops_nb))


def test_a_star_import_gives_what_is_offered_and_no_more() -> None:
    namespace: dict[str, object] = {}
    exec("from cloudops_nb import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(cloudops_nb.__all__)


def test_every_error_is_offered() -> None:
    from cloudops_nb import errors

    public = {name for name, each in vars(errors).items() if isinstance(each, type)}
    assert {n for n in public if issubclass(getattr(errors, n), errors.ExecutionError)} <= set(
        cloudops_nb.__all__
    )


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = cloudops_nb.no_such_thing


HEAVY = ("pandas", "numpy", "botocore", "boto3", "ipywidgets", "anywidget", "IPython", "pydantic")


def modules_loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_opening_the_front_door_loads_nothing_heavy() -> None:
    assert modules_loaded_by("import cloudops_nb").isdisjoint(HEAVY)


def test_an_engine_loads_neither_pandas_nor_botocore_nor_widgets() -> None:
    loaded = modules_loaded_by("from cloudops_nb import ExecutionEngine")
    assert loaded.isdisjoint(set(HEAVY) - {"pydantic"})
