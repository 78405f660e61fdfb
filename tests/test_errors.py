"""Errors: what a Python user catches, what they say, and what is left of them in another process."""

from __future__ import annotations

import copy
import pickle

import pytest

from storagedriver import errors
from storagedriver.errors import StorageDriverError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, StorageDriverError)]


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.StorageDriverError, OSError),
        (errors.PathNotFoundError, FileNotFoundError),
        (errors.PermissionDeniedError, PermissionError),
        (errors.InvalidPathError, ValueError),
        (errors.InvalidOffsetError, ValueError),
        (errors.ParameterError, ValueError),
        (errors.InvalidStorageDriverError, ValueError),
    ],
)
def test_an_error_is_the_builtin_that_a_python_user_catches(kind: type[StorageDriverError], builtin: type) -> None:
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_pickling_with_its_cause_as_text(kind: type[StorageDriverError]) -> None:
    error = kind("in the middle", driver_name="s3", path="/a")
    error.__cause__ = RuntimeError("the socket broke")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is kind
        assert (other.driver_name, other.path, other.detail) == ("s3", "/a", "in the middle")
        assert str(other) == str(error)
        assert other.errno == error.errno
        assert other.cause_text == "RuntimeError: the socket broke"
        # Once more, as a task queue would.
        assert pickle.loads(pickle.dumps(other)).cause_text == "RuntimeError: the socket broke"


def test_an_error_says_the_driver_what_happened_and_where() -> None:
    error = errors.PathNotFoundError(driver_name="s3", path="/a/b")
    assert str(error) == "s3: path not found: /a/b"
    assert "s3: path not found: /a/b" in repr(error)
    assert str(errors.UnavailableError("503 SlowDown", driver_name="s3")) == "s3: unavailable: 503 SlowDown"


def test_an_error_without_a_cause_has_no_cause_text() -> None:
    assert errors.ConflictError("x").cause_text == ""
