"""What is built is what is released: it is whole, it shows well, and it runs where nothing else is installed.

With ``--slow`` it is installed from the package index with all its extras: with
the lowest versions that it allows and the newest ones, by each Python from 3.10
on that this machine has.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import Parser
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from storagedriver import __version__
from tests.servers.s3 import S3Server
from tests.variants import is_slow

ROOT = Path(__file__).parents[1]
_FIRST, _LAST = 10, 14


def run(command: Iterable[str | Path], *, code: int = 0, **environment: str) -> str:
    """What a command prints, as it would print it in a shell without this environment's Python."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        list(command), capture_output=True, text=True, check=False, cwd="/", env={**inherited, **environment}
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sdist and wheel; the wheel is built of the sdist, as an index's users would."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT])
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"storagedriver-{__version__}.dist-info/METADATA").decode())


def test_wheel_and_sdist_pass_the_checks_of_the_index(dist: Path, wheel: Path) -> None:
    assert sorted(path.name for path in dist.iterdir()) == [
        f"storagedriver-{__version__}-py3-none-any.whl",
        f"storagedriver-{__version__}.tar.gz",
    ]
    run([sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir()])
    run([sys.executable, "-m", "check_wheel_contents", wheel])


def test_the_wheel_has_all_modules_and_the_sdist_all_that_builds_and_tests_it(dist: Path, wheel: Path) -> None:
    package = ROOT / "src"
    modules = {str(path.relative_to(package)) for path in package.rglob("*.py")} | {"storagedriver/py.typed"}
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == modules
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "setup.cfg",
        "tests/test_packaging.py",
        "docs/cli.md",
    }
    assert needed | {f"src/{module}" for module in modules} <= names


def test_the_description_has_no_link_that_leads_nowhere(metadata: Message) -> None:
    description = metadata.get_payload()
    assert isinstance(description, str)
    targets = re.findall(r"\]\(([^)]*)\)", description)
    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []
    assert "docs/telemetry.md: OpenTelemetry" in description


def test_extras_bring_no_test_tools_with_all_and_nothing_without(metadata: Message) -> None:
    needs = metadata.get_all("Requires-Dist", [])
    assert [need for need in needs if "extra ==" not in need] == ["fsspec>=2024.6"]
    of_all = [need for need in needs if re.search(r"extra == ['\"]all['\"]", need)]
    names = {re.split(r"[^A-Za-z0-9_-]", need)[0].lower() for need in of_all}
    assert names == {
        *("adlfs", "anycrc", "azure-identity", "click", "cryptography", "gcsfs", "httptools", "keystoneauth1"),
        *("opentelemetry-api", "oss2", "ossfs", "python-swiftclient", "pyyaml", "rich", "s3fs", "urllib3"),
    }


def test_the_changelog_has_a_section_of_this_version() -> None:
    assert f"\n## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_a_wheel_alone_runs_where_only_fsspec_is_installed(wheel: Path, tmp_path: Path) -> None:
    run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "clean"])
    python = tmp_path / "clean" / "bin" / "python"
    run([sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel])
    (packages,) = (tmp_path / "clean" / "lib").glob("python*/site-packages")
    link(packages, "fsspec")
    assert "is right" in run([python, "-m", "storagedriver.demo", "--size", "1"])
    assert 'pip install "storagedriver[cli]"' in run([python.with_name("storagedriver"), "--version"], code=2)
    for module, extra in (
        ("storagedriver.testsuites", "testsuites"),
        ("storagedriver.swiftfs", "swift"),
        ("storagedriver.adapter.http.client", "http"),
    ):
        assert f'pip install "storagedriver[{extra}]"' in run([python, "-c", f"import {module}"], code=1)
    link(packages, "click", "rich")
    assert __version__ in run([python.with_name("storagedriver"), "--version"])


def test_a_missing_package_is_named_with_its_extra_by_the_call_that_finds_it_out() -> None:
    program = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("botocore", "keystoneauth1"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from storagedriver import MissingExtraError, factory
for name, parameters in {
    "s3": {"bucket": "bucket", "region": "us-east-1", "accesskey": "id", "secretkey": "of-the-store",
           "regionendpoint": "http://127.0.0.1:1"},
    "swift": {"username": "user", "password": "secret", "authurl": "http://127.0.0.1:1/v3", "container": "container"},
}.items():
    with factory.create(name, parameters) as driver:
        try:
            driver.redirect_url("/file")
        except MissingExtraError as error:
            print(error)
"""
    assert run([sys.executable, "-c", program]).splitlines() == [
        's3: missing dependency: /file: botocore is needed: pip install "storagedriver[s3]"',
        'swift: missing dependency: /file: keystoneauth1 is needed: pip install "storagedriver[swift]"',
    ]


def link(packages: Path, *names: str) -> None:
    """Have packages of this environment in another one."""
    for name in names:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        (packages / name).symlink_to(Path(spec.origin).parent)


@cache
def interpreters() -> dict[str, str]:
    """The Pythons of this machine by their version, from the lowest on; where the slow test is left out, this one."""
    found: dict[str, str] = {}
    own = f"3.{sys.version_info.minor}"
    if not is_slow():
        return {own: sys.executable}
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(_FIRST, _LAST + 1):
        version = f"3.{minor}"
        candidates: list[str | Path | None] = [
            *sorted(kept.glob(f"{version}.*/bin/python")),
            shutil.which(f"python{version}"),
        ]
        if version == own:
            candidates = [sys.executable]
        for path in [each for each in candidates if each]:
            asked: list[str | Path] = [path, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
            if done.stdout.strip() == version:
                found[version] = str(path)
                break
    return found


def combinations() -> list[tuple[str, str]]:
    """The lowest versions with the lowest Python, and the newest ones with each."""
    versions = list(interpreters())
    return [(versions[0], "lowest-direct"), *((version, "highest") for version in versions)]


_SUITES = """
import json, os, uuid
from storagedriver import factory
from storagedriver.testsuites import suite

AREAS = ["content", "uploads", "listing", "moving", "deleting", "urls"]

def make_memory():
    return factory.create("inmemory")

def make_s3():
    parameters = json.loads(os.environ["S3_PARAMETERS"])
    return factory.create("s3", {**parameters, "rootdirectory": parameters["rootdirectory"] + "/" + uuid.uuid4().hex})

TestMemory = suite("inmemory", make_memory, make_memory().capabilities, areas=AREAS)
TestS3 = suite("s3", make_s3, make_s3().capabilities, areas=AREAS)
"""

_OFFLINE = """
import importlib, pkgutil, storagedriver
from storagedriver import factory
from storagedriver.telemetry import instrument
for module in pkgutil.walk_packages(storagedriver.__path__, "storagedriver."):
    if not module.name.endswith("__main__") and not module.name.startswith("storagedriver.bench"):
        importlib.import_module(module.name)
server = "http://127.0.0.1:1"
key = "a2V5"
for name, parameters in {
    "azure": {"accountname": "account", "accountkey": key, "container": "container", "serviceurl": server},
    "gcs": {"bucket": "bucket", "endpoint": server},
    "oss": {"accesskeyid": "id", "accesskeysecret": key, "region": "oss-cn-hangzhou", "bucket": "bucket"},
    "swift": {"username": "user", "password": key, "authurl": server + "/v3", "container": "container"},
}.items():
    with instrument(factory.create(name, parameters)) as driver:
        driver.capabilities
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("version", "resolution"), combinations())
def test_it_works_with_all_its_dependencies(
    version: str, resolution: str, wheel: Path, tmp_path: Path, moto_s3: S3Server, rootdirectory: str
) -> None:
    uv: list[str | Path] = [sys.executable, "-m", "uv"]
    run([*uv, "venv", "--quiet", "--python", interpreters()[version], tmp_path / "env"])
    python = tmp_path / "env" / "bin" / "python"
    run([*uv, "pip", "install", "--quiet", "--python", python, "--resolution", resolution, f"{wheel}[all,testsuites]"])
    assert __version__ in run([python.with_name("storagedriver"), "--version"])
    assert "is right" in run([python, "-m", "storagedriver.demo", "--size", "1"])
    run([python, "-c", _OFFLINE])
    module = tmp_path / "test_suites.py"
    module.write_text(_SUITES, encoding="utf-8")
    parameters = json.dumps(moto_s3.parameters(rootdirectory))
    assert " passed" in run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, module],
        S3_PARAMETERS=parameters,
    )
