"""The public names: each is there, none is imported before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from compofa_deploy import api


@pytest.mark.parametrize("name", api.__all__)
def test_every_public_name_is_what_its_module_calls_so(name):
    assert getattr(api, name).__class__ is not None
    assert name in dir(api)


def test_a_type_checker_reads_the_same_names_as_a_program():
    tree = ast.parse(Path(api.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.asname: node.module for node in block.body for alias in node.names}  # type: ignore[attr-defined]
    assert sorted(imported) == api.__all__
    assert imported == api._MODULES


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'serach'"):
        _ = api.serach


def test_public_functions_say_what_they_take_return_and_raise():
    functions = [
        getattr(api, name) for name in api.__all__ if callable(getattr(api, name)) and name.islower()
    ]
    lacking = [
        f.__name__ for f in functions if f.__code__.co_argcount > 1 and "Args:" not in (f.__doc__ or "")
    ]
    assert lacking == []


def test_importing_the_library_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from compofa_deploy import api\n"
        "heavy = {'numpy', 'torch', 'onnx', 'onnxruntime', 'pydantic', 'pandas', 'rich', 'click'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
