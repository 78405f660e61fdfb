from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import storagedriver
from storagedriver import cli, factory, middleware
from storagedriver.driver import FileReader
from storagedriver.errors import (
    BucketNotFoundError,
    BucketNotMadeError,
    ConflictError,
    InvalidStorageDriverError,
    MissingExtraError,
    ParameterError,
    PermissionDeniedError,
    StorageDriverError,
    StorageDriverWarning,
    UnavailableError,
    UnsupportedMethodError,
)
from storagedriver.middleware import MiddlewareDriver
from tests.cli.dict_store import DictDriver, DictReader
from tests.cli.invoking import Invoke

SECRET = "s3cr3t-0123"


def run_process(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    around = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    command = [sys.executable, "-m", "storagedriver", *args]
    return subprocess.run(command, env={**around, **env}, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StorageDriverError("x"), 1),
        (OSError("x"), 1),
        (ParameterError("x"), 2),
        (InvalidStorageDriverError("x"), 2),
        (MissingExtraError("x"), 2),
        (PermissionDeniedError("x"), 4),
        (BucketNotFoundError("x"), 5),
        (BucketNotMadeError("x"), 5),
        (UnavailableError("x"), 6),
        (ConflictError("x"), 7),
        (UnsupportedMethodError("x"), 8),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("x"), 1),
    ],
)
def test_each_error_is_one_line_and_has_its_exit_code(
    run: Invoke, store: DictDriver, error: BaseException, code: int
) -> None:
    store.faults["list"] = error
    shown = run("ls", code=code)
    assert shown.err.startswith("storagedriver: ")
    assert shown.err.count("\n") == 1
    assert run("ls", "-h").text.startswith("Usage")
    store.faults["walk"] = error
    assert run("--json", "ls", code=code).error["exit_code"] == code


def test_an_error_of_several_lines_is_shown_in_one(run: Invoke, store: DictDriver) -> None:
    store.faults["list"] = StorageDriverError("one\n  two", driver_name="dict", path="/")
    assert run("ls", code=1).err == "storagedriver: dict: operation failed: /: one two\n"


def test_the_json_of_an_error(run: Invoke) -> None:
    assert run("--json", "cat", "/a", code=3).error == {
        "type": "PathNotFoundError",
        "message": "dict: path not found: /a",
        "driver": "dict",
        "path": "/a",
        "exit_code": 3,
    }


def test_the_json_of_a_mistake_on_the_command_line(run: Invoke) -> None:
    assert run("ls", "--json", "--nope", code=2).error["type"] == "NoSuchOption"
    assert run("--json", "nope", code=2).error["exit_code"] == 2


def test_debug_shows_the_traceback_before_the_line(run: Invoke, store: DictDriver) -> None:
    store.faults["list"] = ZeroDivisionError("x")
    lines = run("--debug", "ls", code=1).err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "storagedriver: unexpected ZeroDivisionError: x (--debug shows where)"


def test_a_warning_is_one_line(run: Invoke, store: DictDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    def close() -> None:
        warnings.warn("look\nhere", StorageDriverWarning, stacklevel=1)

    monkeypatch.setattr(store, "close", close)
    assert run("ls").err == "storagedriver: warning: look here\n"
    assert json.loads(run("--json", "ls").err) == {"warning": "look here"}


def test_the_driver_is_closed_also_after_an_error(run: Invoke, store: DictDriver) -> None:
    run("ls")
    run("cat", "/a", code=3)
    assert store.closed == 2


def test_parameters_are_texts_and_dots_make_maps(run: Invoke, store: DictDriver) -> None:
    run("--param", "a=0123", "--param", "b.c=x=y", "--param", "b.d=", "--param", "l.0=z", "ls")
    assert store.parameters == {"a": "0123", "b": {"c": "x=y", "d": ""}, "l": ["z"]}


def test_parameters_that_contradict_each_other(run: Invoke) -> None:
    assert run("--param", "a=1", "--param", f"a.b={SECRET}", "ls", code=2).err.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--param", f"secretkey={SECRET}", "ls"), 1),
        ((f"--param=secretkey={SECRET}", "ls"), 1),
        (("--param", f"credentials.secret={SECRET}", "--json", "ls"), 1),
        (("--debug", "--param", f"password={SECRET}", "ls"), 1),
        (("--param", f"url=sftp://me:{SECRET}@host/dir", "ls"), 1),
        ((f"secretkey={SECRET}", "ls"), 2),
        (("ls", "/", f"accountkey={SECRET}"), 2),
        (("--param", f"={SECRET}", "ls"), 2),
        (("--param", SECRET, "ls"), 2),
    ],
)
def test_secrets_are_never_shown(run: Invoke, store: DictDriver, args: tuple[str, ...], code: int) -> None:
    error = StorageDriverError(f"signed with {SECRET}", driver_name="dict")
    store.faults.update({"list": error, "walk": error})
    shown = run(*args, code=code)
    assert SECRET not in shown.err + shown.text


def test_secrets_of_a_file_are_never_shown(
    invoke: Invoke, store: DictDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yml").write_text(f"storage: {{dict: {{credentials: {{private_key: {SECRET}}}}}}}")
    store.faults["list"] = StorageDriverError(f"signed with {SECRET}", driver_name="dict")
    monkeypatch.setenv("STORAGEDRIVER_CONFIG", str(tmp_path / "c.yml"))
    assert invoke("ls", code=1).err == "storagedriver: dict: operation failed: signed with ***\n"


def test_a_file_and_the_environment_over_it(
    invoke: Invoke, store: DictDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yml").write_text("version: 0.1\nstorage:\n  dict:\n    bucket: 0123\n    region: no\n")
    monkeypatch.setenv("REGISTRY_STORAGE_DICT_REGION", "1e3")
    invoke("--config", str(tmp_path / "c.yml"), "ls")
    assert store.parameters == {"bucket": "0123", "region": "1e3"}


def test_the_environment_alone(invoke: Invoke, store: DictDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_STORAGE", "dict")
    monkeypatch.setenv("REGISTRY_STORAGE_DICT_BUCKET", "b")
    invoke("ls")
    assert store.parameters == {"bucket": "b"}


def test_a_driver_given_wins_over_the_variables(
    run: Invoke, store: DictDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGEDRIVER_CONFIG", "/nowhere.yml")
    monkeypatch.setenv("REGISTRY_STORAGE_DICT_BUCKET", "b")
    run("ls")
    assert store.parameters == {}


def test_options_that_exclude_each_other(run: Invoke, invoke: Invoke) -> None:
    assert "exclude" in run("--config", "x.yml", "ls", code=2).err
    assert "--param goes with --driver" in invoke("--param", "a=b", "ls", code=2).err


def test_no_storage_says_how_to_give_one(invoke: Invoke) -> None:
    assert "--config FILE" in invoke("ls", code=2).err


def test_a_file_that_is_not_there_or_is_no_yaml(invoke: Invoke, tmp_path: Path) -> None:
    assert "cannot be read" in invoke("--config", str(tmp_path / "c.yml"), "ls", code=2).err
    (tmp_path / "c.yml").write_text(f"storage:\n  s3:\n    secretkey: *{SECRET}\n")
    shown = invoke("--config", str(tmp_path / "c.yml"), "ls", code=2).err
    assert "line 3" in shown
    assert SECRET not in shown


def test_urls_go_through_the_middleware(invoke: Invoke, store: DictDriver, tmp_path: Path) -> None:
    store.base_url = "http://store"
    (tmp_path / "c.yml").write_text(
        "storage: dict\nmiddleware: {storage: [{name: rewrite, options: {host: cdn.example:8443}}]}"
    )
    options = ("--config", str(tmp_path / "c.yml"))
    assert invoke(*options, "url", "/a").lines == ["http://cdn.example:8443/a?method=GET&expires=1200"]
    assert invoke(*options, "url", "--expires", "60s", "/a").lines == [
        "http://cdn.example:8443/a?method=GET&expires=60"
    ]
    (record,) = invoke(*options, "--json", "url", "/a").records
    assert record["expires"] is None


def test_the_address_of_a_client_reaches_the_middleware(invoke: Invoke, store: DictDriver, tmp_path: Path) -> None:
    class ByAddress(MiddlewareDriver):
        def redirect_url(self, path: str, *_: object, client_address: str | None = None) -> str | None:
            return f"http://{client_address}{path}"

    assert store.base_url is None
    middleware.register("by-address", lambda driver, _: ByAddress(driver))
    try:
        (tmp_path / "c.yml").write_text("storage: dict\nmiddleware: {storage: [{name: by-address}]}")
        found = invoke("--config", str(tmp_path / "c.yml"), "url", "--client-address", "192.0.2.1", "/a")
    finally:
        middleware.unregister("by-address")
    assert found.lines == ["http://192.0.2.1/a"]


@pytest.mark.usefixtures("store")
def test_a_bad_option_of_middleware_is_named_and_its_secrets_are_not(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text(f"""
storage: dict
middleware:
  storage:
    - name: alicdn
      options: {{baseurl: cdn.example, authtype: {SECRET}, privatekey: {SECRET}}}
""")
    for command in (("url", "/a"), ("--debug", "url", "/a")):
        shown = invoke("--config", str(tmp_path / "c.yml"), *command, code=2).err
        assert "alicdn: invalid parameter: authtype" in shown
        assert SECRET not in shown
    shown = invoke("--config", str(tmp_path / "c.yml"), "check", code=2).text
    assert "authtype" in shown
    assert SECRET not in shown


@pytest.mark.usefixtures("store")
def test_commands_without_urls_do_without_what_changes_urls(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("""
storage: dict
middleware:
  storage:
    - name: cloudfront
      options: {baseurl: cdn.example, privatekey: /not/on/this/machine.pem, keypairid: K2}
    - name: unheard
""")
    options = ("--config", str(tmp_path / "c.yml"))
    shown = invoke(*options, "ls").err
    assert shown.count("warning") == 1
    assert "middleware unheard is not installed and not applied" in shown
    assert "privatekey" in invoke(*options, "url", "/a", code=2).err


def test_what_changes_contents_is_applied_to_every_command(invoke: Invoke, store: DictDriver, tmp_path: Path) -> None:
    class Upper(MiddlewareDriver):
        def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
            return DictReader(self.get_content(path).upper(), offset, length)

    store.put_content("/a", b"content")
    middleware.register("upper", lambda driver, _: Upper(driver))
    try:
        (tmp_path / "c.yml").write_text("storage: dict\nmiddleware: {storage: [{name: upper}]}")
        found = invoke("--config", str(tmp_path / "c.yml"), "cat", "/a")
    finally:
        middleware.unregister("upper")
    assert found.out == b"CONTENT"


def test_drivers(invoke: Invoke, store: DictDriver) -> None:
    assert invoke("drivers").lines == factory.names()
    assert {"name": store.name} in invoke("drivers", "--json").records


def test_version(invoke: Invoke) -> None:
    assert invoke("--version").lines == [f"storagedriver {storagedriver.__version__}"]
    assert invoke("--json", "--version").records == [{"version": storagedriver.__version__}]


def test_help_is_what_no_arguments_give_and_has_the_exit_codes(invoke: Invoke) -> None:
    assert invoke().text == invoke("--help").text
    assert "\n    6    the store cannot be reached" in invoke().text


def test_as_a_process(tmp_path: Path) -> None:
    options = ("--driver", "filesystem", "--param", f"rootdirectory={tmp_path}")
    (tmp_path / "a").write_bytes(b"1")
    done = run_process(*options, "walk", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["path"] == "/a"
    failed = run_process(*options, "cat", "/b")
    assert failed.returncode == 3
    assert failed.stderr == "storagedriver: filesystem: path not found: /b\n"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"{number:0100d}").touch()
    options = ["--driver", "filesystem", "--param", f"rootdirectory={tmp_path}"]
    command = [sys.executable, "-m", "storagedriver", *options, "walk"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize("package", ["click", "rich"])
def test_without_its_packages_the_command_says_what_to_install(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from storagedriver.cli import main; sys.exit(main(['ls']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert 'pip install "storagedriver[cli]"' in done.stderr
    assert done.stderr.count("\n") == 1


def test_main_returns_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert cli.main(["nope"]) == 2
    assert capsys.readouterr().err.startswith("storagedriver: No such command")
