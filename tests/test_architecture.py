"""How the code may depend on itself: imports run down, and what is shared knows no backend."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "storagedriver"
DRIVERS = sorted(path.name for path in (ROOT / "drivers").iterdir() if (path / "__init__.py").exists())
ADAPTER = sorted((ROOT / "adapter").rglob("*.py"))
#: What is made of drivers.
TOOLS = ("factory", "filesystem", "configuration", "registry", "transfer", "cli")
#: What stands above a module and must not be imported by it.
ABOVE = {
    "adapter": ("drivers", "swiftfs", "middleware", "telemetry", *TOOLS, "bench"),
    "drivers": ("middleware", "telemetry", *TOOLS, "bench"),
    "swiftfs": ("drivers", "middleware", "telemetry", *TOOLS, "bench"),
    "middleware": ("drivers", "swiftfs", "telemetry", *TOOLS, "bench"),
    "telemetry": ("drivers", "swiftfs", *TOOLS, "bench"),
    "registry": (
        "adapter",
        "drivers",
        "swiftfs",
        "middleware",
        "factory",
        "filesystem",
        "configuration",
        "transfer",
        "cli",
        "bench",
    ),
    "transfer": (
        "adapter",
        "drivers",
        "swiftfs",
        "middleware",
        "factory",
        "filesystem",
        "configuration",
        "cli",
        "bench",
    ),
    "testsuites": ("adapter", "drivers", "swiftfs", "middleware", *TOOLS),
}


def imports(path: Path) -> Iterator[str]:
    """The modules that a module imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@pytest.mark.parametrize("below", ABOVE)
def test_imports_run_down(below: str) -> None:
    above = re.compile(rf"storagedriver\.({'|'.join(ABOVE[below])})\b")
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / below).rglob("*.py")
        for name in imports(path)
        if above.match(name)
    }
    assert found == set()


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_imports_no_other_driver(driver: str) -> None:
    others = re.compile(rf"storagedriver\.drivers\.({'|'.join(name for name in DRIVERS if name != driver)})\b")
    for path in (ROOT / "drivers" / driver).rglob("*.py"):
        assert not [name for name in imports(path) if others.match(name)], path


@pytest.mark.parametrize("path", ADAPTER, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_message_of_the_adapter_names_a_backend_or_a_parameter(path: Path) -> None:
    words = {"aws", "azure", "gcs", "oss", "s3", "swift", "chunksize", "skipverify", "regionendpoint", "accesskey"}
    tree = ast.parse(path.read_text())
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            assert not words & set(re.findall(r"[a-z0-9]+", node.value.lower())), node.value


def test_one_place_opens_connections() -> None:
    """Requests of remote drivers go by the one client. keystoneauth asks for the tokens of swift."""
    libraries = ("urllib3", "httptools", "requests", "aiohttp", "http.client", "urllib.request")
    found = {
        str(path.relative_to(ROOT))
        for folder in ("adapter", "drivers", "swiftfs")
        for path in (ROOT / folder).rglob("*.py")
        for name in imports(path)
        if name.startswith(libraries)
    }
    assert found == {"adapter/http/connection.py", "adapter/http/pools.py", "adapter/http/secure.py"}
