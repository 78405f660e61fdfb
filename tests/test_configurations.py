"""Configurations as OpenShift's operator and the charts of GitLab, Harbor and Helm write them: they load and check.

They are written after the documents of these programs, with the tests' servers in place of theirs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storagedriver import configuration, factory
from tests.cli.invoking import Invoke
from tests.servers.azurite import AzuriteServer
from tests.servers.s3 import S3Server

_DIRECTORY = Path(__file__).parent / "configurations"

Places = dict[str, str]
Configure = Callable[..., Invoke]


@pytest.fixture
def s3_places(any_s3_server: S3Server, tmp_path: Path) -> Places:
    given = any_s3_server.parameters()
    file = tmp_path / "credentials"
    keys = f"aws_access_key_id = {given['accesskey']}\naws_secret_access_key = {given['secretkey']}\n"
    file.write_text(f"[default]\n{keys}")
    return {
        "bucket": given["bucket"],
        "region": any_s3_server.region,
        "endpoint": any_s3_server.endpoint,
        "accesskey": given["accesskey"],
        "secretkey": given["secretkey"],
        "root": f"/configurations/{tmp_path.name}",
        "credentials": str(file),
    }


@pytest.fixture
def azure_places(azurite: AzuriteServer, tmp_path: Path) -> Places:
    return {**azurite.parameters(f"/configurations/{tmp_path.name}"), "root": f"/configurations/{tmp_path.name}"}


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """``configure(places, *files)`` gives the command with a file and an environment in which the places are named."""
    for name in [*os.environ]:
        if name.startswith(("REGISTRY_", "AWS_", "STORAGEDRIVER_CONFIG")):
            monkeypatch.delenv(name)

    def make(places: Places, *files: str) -> Invoke:
        options: tuple[str, ...] = ()
        for name in files:
            text = (_DIRECTORY / name).read_text(encoding="utf-8")
            text = re.sub(r"\{(\w+)\}", lambda found: str(places[found[1]]), text)
            if name.endswith(".yml"):
                (tmp_path / "config.yml").write_text(text)
                options = ("--config", str(tmp_path / "config.yml"))
                continue
            for line in text.splitlines():
                variable, equals, value = line.partition("=")
                if equals and not line.startswith("#"):
                    monkeypatch.setenv(variable, value)
        return Invoke(options)

    return make


def check(invoke: Invoke, *warned: str) -> None:
    """The check finds nothing to mend, and there are exactly these warnings."""
    shown = invoke("check", "--json")
    (record,) = shown.records
    found = {step["name"]: step["status"] for step in record["steps"]}
    assert {name for name, status in found.items() if status == "ok"} >= {"write", "read", "upload", "move", "delete"}
    warnings = shown.err.splitlines()
    assert len(warnings) == len(warned), warnings
    for text in warned:
        assert any(text in warning for warning in warnings), (text, warnings)
    assert invoke("ls").lines == []


def test_openshift(configure: Configure, s3_places: Places) -> None:
    invoke = configure(s3_places, "openshift.env")
    check(invoke, "usedualstack chooses one of Amazon's endpoints and does nothing beside regionendpoint")
    assert configuration.load(None).storage.parameters["rootdirectory"] == s3_places["root"]


def test_openshift_with_a_file_of_credentials(configure: Configure, s3_places: Places) -> None:
    invoke = configure(s3_places, "openshift-credentials-file.env")
    check(
        invoke,
        "'credentialsconfigpath' is ignored: set AWS_SHARED_CREDENTIALS_FILE",
        "'virtualhostedstyle' is ignored: set forcepathstyle to the opposite",
    )


def test_chart_of_gitlab(configure: Configure, s3_places: Places) -> None:
    check(configure(s3_places, "gitlab-chart.yml"), "loglevel 'logdebug' is no level and means off")


def test_azure_of_gitlab(configure: Configure, azure_places: Places) -> None:
    check(configure(azure_places, "gitlab-azure.yml"))


def test_chart_of_harbor(configure: Configure, s3_places: Places) -> None:
    invoke = configure(s3_places, "harbor-chart.yml", "harbor-chart.env")
    check(invoke)


def test_chart_of_helm(configure: Configure, s3_places: Places) -> None:
    check(configure(s3_places, "helm-chart.yml", "helm-chart.env"))


def test_chart_of_helm_with_azure(configure: Configure, azure_places: Places) -> None:
    invoke = configure(azure_places, "helm-chart.yml", "helm-chart-azure.env")
    (record,) = invoke("check", "--json").records
    notes = [step["detail"] for step in record["steps"] if step["status"] == "note"]
    assert any("accountkey without credentials.type is how a registry 2.x is configured" in note for note in notes)
    check(invoke)


def test_chart_of_helm_with_a_volume(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    invoke = configure({"directory": str(tmp_path / "volume")}, "helm-chart.yml", "helm-chart-filesystem.env")
    check(invoke)
    assert list((tmp_path / "volume").iterdir()) == []


def test_all_of_them_are_tried() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    files = [path.name for path in _DIRECTORY.iterdir() if path.suffix in (".yml", ".env")]
    assert files
    assert [name for name in files if f'"{name}"' not in source] == []


def test_two_names_of_one_driver_make_the_same(s3_places: Places) -> None:
    given: dict[str, Any] = {name: s3_places[name] for name in ("bucket", "region", "accesskey", "secretkey")}
    given["regionendpoint"] = s3_places["endpoint"]
    with factory.create("s3", given) as one, factory.create("s3_v2", given) as other:
        assert str(one.redirect_url("/a")).partition("?")[0] == str(other.redirect_url("/a")).partition("?")[0]
