"""The layout that a reader relies on: what is private stays private."""

import ast
import importlib
import pkgutil
from pathlib import Path

import sklearn_hsae

PACKAGE = Path(sklearn_hsae.__file__).parent


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_no_import_reaches_into_the_private_modules_of_another_folder():
    # What a folder's __init__ does not export may change without a look elsewhere.
    intruders = []
    for path in PACKAGE.rglob("*.py"):
        own_folder = path.relative_to(PACKAGE).parts[0]
        for module in imported_modules(path):
            parts = module.split(".")
            if parts[0] != "sklearn_hsae" or len(parts) < 3 or parts[1] == own_folder:
                continue
            folder = PACKAGE / parts[1]
            if folder.is_dir() and (folder / f"{parts[2]}.py").exists():
                intruders.append(f"{path.relative_to(PACKAGE)} imports {module}")
    assert not intruders


def test_every_module_can_be_imported():
    # With the lowest versions too, where a name of another package may not exist yet.
    for module in pkgutil.walk_packages(sklearn_hsae.__path__, "sklearn_hsae."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
