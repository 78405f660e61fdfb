"""The door to named drivers: what `fsspec_driver` refuses, hides, declares and pickles."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.registry import known_implementations

from storagedriver import (
    MissingExtraError,
    ParameterError,
    PermissionDeniedError,
    ReadOnlyError,
    StorageDriver,
    StorageDriverError,
)
from storagedriver.drivers.fsspec import NamedDriver, fsspec_driver
from storagedriver.parameters import choice, integer, string
from storagedriver.testsuites.helpers import in_another_process
from tests.generic import named

SECRET = "secret-of-a-named-driver"


@dataclass(frozen=True)
class Parameters:
    rootdirectory: str = string(required=True)
    token: str = string(secret=True)
    maxthreads: int | None = integer(minimum=1)
    put: str = choice("staged", ("staged", "direct"))


def translate(given: Parameters) -> tuple[str, dict[str, Any]]:
    return f"file://{given.rootdirectory}", {}


def put_and_get(driver: StorageDriver) -> bytes:
    driver.put_content("/a", b"x")
    return driver.get_content("/a")


def over(translation: Any = translate, **traits: Any) -> NamedDriver:
    return fsspec_driver("mine", Parameters, translation, **traits)


def test_errors_carry_the_name(tmp_path: Path) -> None:
    driver = over()({"rootdirectory": str(tmp_path)})
    with pytest.raises(StorageDriverError, match="^mine: path not found: /a$"):
        driver.stat("/a")
    assert (driver.name, repr(driver)) == ("mine", "<FsspecDriver mine>")


@pytest.mark.parametrize("parameters", [dict, {"a": 1}, Parameters])
def test_parameters_are_a_dataclass(parameters: Any) -> None:
    given: Any = Parameters("x") if parameters is Parameters else parameters
    with pytest.raises(TypeError, match="mine: .* is no dataclass"):
        fsspec_driver("mine", given, translate)


def test_each_field_says_what_it_takes() -> None:
    @dataclass(frozen=True)
    class Plain:
        host: str = "localhost"

    with pytest.raises(TypeError, match=r"mine: the parameter 'host' .* such as string\(\)"):
        fsspec_driver("mine", Plain, translate)  # type: ignore[arg-type]


def test_a_secret_in_the_url_is_refused_and_not_shown(tmp_path: Path) -> None:
    create = over(lambda given: (f"file://{tmp_path}/{given.token}", {}))
    for call in (create, create.translate):
        with pytest.raises(ParameterError, match="mine: .*storage options") as caught:
            call({"rootdirectory": "x", "token": SECRET})
        assert SECRET not in str(caught.value)


def test_a_value_error_of_the_translation_is_one_of_the_parameters() -> None:
    def refuse(given: Parameters) -> tuple[str, dict[str, Any]]:
        raise ValueError(f"no such account {given.rootdirectory} with {given.token}")

    with pytest.raises(ParameterError, match=r"^mine: .*no such account x with \*\*\*$") as caught:
        over(refuse)({"rootdirectory": "x", "token": SECRET})
    assert caught.value.__cause__ is None


def test_an_error_of_the_translation_shows_no_secret() -> None:
    def refuse(given: Parameters) -> tuple[str, dict[str, Any]]:
        raise ParameterError(f"it takes no {given.token}", path="token")

    with pytest.raises(ParameterError, match=r"^mine: .*token: it takes no \*\*\*$"):
        over(refuse)({"rootdirectory": "x", "token": SECRET})


def test_a_protocol_that_is_not_there_says_so() -> None:
    with pytest.raises(ParameterError, match="mine: .*nosuchprotocol"):
        over(lambda _: ("nosuchprotocol://x", {}))({"rootdirectory": "x"})


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"class": "no_such_package.FileSystem", "err": "Please install no-such-package"}
    monkeypatch.setitem(known_implementations, "nowhere", missing)
    with pytest.raises(MissingExtraError, match="mine: .*Please install no-such-package"):
        over(lambda _: ("nowhere://x", {}))({"rootdirectory": "x"})


class Telling(LocalFileSystem):  # type: ignore[misc]
    """Shows its options in every error."""

    protocol = "telling"

    def __init__(self, text: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.text = text

    def info(self, path: Any, **_: Any) -> Any:
        raise PermissionError(f"{path} is refused with {self.text}")


def test_what_is_made_of_a_secret_is_hidden_too(tmp_path: Path) -> None:
    fsspec.register_implementation("telling", Telling, clobber=True)
    create = over(lambda given: (f"telling://{tmp_path}", {"text": f"Basic {given.token[::-1]}"}))
    with pytest.raises(PermissionDeniedError) as caught:
        create({"rootdirectory": "x", "token": SECRET}).stat("/a")
    assert SECRET[::-1] not in f"{caught.value}{caught.value.cause_text}{caught.value.__cause__}"
    assert str(tmp_path) in str(caught.value)


def test_a_parameter_with_the_name_of_a_trait_is_that_trait(tmp_path: Path) -> None:
    plain = over(maxthreads=3)
    assert plain({"rootdirectory": str(tmp_path)})._store.limit.slots == 3
    chosen = plain({"rootdirectory": str(tmp_path), "maxthreads": "7", "put": "direct"})._store
    assert chosen.limit.slots == 7
    assert chosen.put_directly  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("traits", "capability", "value"),
    [
        ({"directories": "implied"}, "empty_directories", False),
        ({"multiprocess": False}, "multiprocess", False),
        ({"atomic_replace": False}, "atomic_replace", False),
        ({"read_only": True}, "read_only", True),
        ({}, "read_only", False),
    ],
)
def test_traits_are_declared(traits: dict[str, Any], capability: str, value: object, tmp_path: Path) -> None:
    driver = over(**traits)({"rootdirectory": str(tmp_path)})
    assert getattr(driver.capabilities, capability) is value


def test_what_is_declared_to_be_read_alone_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    driver = over(read_only=True)({"rootdirectory": str(tmp_path)})
    with pytest.raises(ReadOnlyError) as caught:
        driver.delete("/a")
    assert isinstance(caught.value, PermissionError)
    assert driver.get_content("/a") == b"x"


@pytest.mark.parametrize("translation", [translate, lambda given: (f"file://{given.rootdirectory}", {})])
def test_a_driver_is_pickled_whether_its_translation_can_be_or_not(tmp_path: Path, translation: Any) -> None:
    driver = over(translation)({"rootdirectory": str(tmp_path)})
    again = pickle.loads(pickle.dumps(driver))
    again.put_content("/a", b"x")
    assert (again.name, driver.get_content("/a")) == ("mine", b"x")


def test_a_protocol_is_registered_anew_where_a_driver_is_unpickled(tmp_path: Path) -> None:
    driver = named.arrow({"rootdirectory": str(tmp_path)})
    assert in_another_process(put_and_get, driver) == b"x"
    assert (tmp_path / "a").read_bytes() == b"x"


def test_a_file_is_listed_by_no_name(tmp_path: Path) -> None:
    class Itself(LocalFileSystem):  # type: ignore[misc]
        """Lists a file as FTP servers do: as if it were in a directory of its own name."""

        protocol = "listsitself"

        def ls(self, path: str, detail: bool = False, **options: Any) -> Any:
            lines = super().ls(path, detail=detail, **options)
            if Path(path).is_file():
                lines = [{**line, "name": f"{path}/{Path(path).name}"} for line in lines]
            return lines

    fsspec.register_implementation("listsitself", Itself, clobber=True)
    driver = over(lambda given: (f"listsitself://{given.rootdirectory}", {}))({"rootdirectory": str(tmp_path)})
    driver.put_content("/dir/file", b"x")
    with pytest.raises(FileNotFoundError):
        driver.list("/dir/file")
    assert driver.list("/dir") == ["/dir/file"]


def test_the_parameters_of_every_driver_come_by_themselves(tmp_path: Path) -> None:
    plain = over()({"rootdirectory": str(tmp_path)})
    free = over()({"rootdirectory": str(tmp_path), "names": "any"})
    free.put_content("/year=2024/a b", b"x")
    assert free.list("/") == ["/year=2024"]
    assert (plain.name_rule, free.name_rule) == ("registry", "any")
    assert pickle.loads(pickle.dumps(free)).get_content("/year=2024/a b") == b"x"
    with pytest.raises(ParameterError, match="mine: .*names"):
        over()({"rootdirectory": str(tmp_path), "names": "some"})
