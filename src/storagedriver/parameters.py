"""Parameters of drivers: declared once as a dataclass, parsed from the registry's map.

A driver declares its parameters as a frozen dataclass whose fields are made
with the functions of this module; `parse` turns the map that a user wrote, in
Python, in YAML or in the environment, into an instance::

    @dataclass(frozen=True)
    class MineParameters:
        bucket: str = string(required=True)
        secret: str = string(secret=True)
        chunksize: int = integer(10 << 20, minimum=5 << 20)

    parse(MineParameters, "mine", {"bucket": "b", "chunksize": "10485760"})

Values that are secret are kept out of the ``repr`` and of every error.

A text of a configuration that was written without quotes is an `Unquoted`: a
parameter that is a boolean or an integer takes it as YAML 1.1 reads it, which
is how a registry does, and any other parameter takes it as the text it is.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from storagedriver.errors import ParameterError, StorageDriverWarning
from storagedriver.paths import NAME_RULES, NameRule

__all__ = [
    "NamingParameters",
    "Unquoted",
    "anything",
    "boolean",
    "check_options",
    "choice",
    "defaulting_to_names",
    "duration",
    "integer",
    "mapping",
    "number",
    "parse",
    "parse_duration",
    "secrets",
    "string",
]

T = TypeVar("T")

#: Go's strconv.ParseBool, which the registry parses booleans with.
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}

#: The words of YAML 1.1 (https://yaml.org/type/bool.html), in each of their three cases.
_YAML_BOOLEANS = {
    form: value
    for words, value in ((("y", "yes", "on", "true"), True), (("n", "no", "off", "false"), False))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}
#: Integers of YAML as the registry reads them: base 2, 8 (two notations), 16 and 10; each ``_`` is taken out before.
_YAML_INTEGER = re.compile(r"([+-]?)(?:0b([01]+)|0o?([0-7]+)|0x([0-9a-f]+)|([0-9]+))", re.ASCII | re.IGNORECASE)

#: The units of Go's time.ParseDuration, in microseconds.
_UNITS = {"ns": 1e-3, "us": 1.0, "µs": 1.0, "μs": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7, "h": 3.6e9}
_DURATION = re.compile(r"([0-9]*\.?[0-9]+|[0-9]+\.)(ns|us|µs|μs|ms|s|m|h)")

_HIDDEN = "***"

#: What fsspec may pass to any filesystem, see `fsspec.spec.AbstractFileSystem` and `fsspec.asyn.AsyncFileSystem`.
_OF_FSSPEC = (
    "asynchronous",
    "batch_size",
    "listings_expiry_time",
    "loop",
    "max_paths",
    "skip_instance_cache",
    "use_listings_cache",
)


class Unquoted(str):
    """A text that stood without quotes in YAML, or in a variable that is YAML.

    It equals its text. `boolean` and `integer` take it as YAML 1.1 would.
    """

    __slots__ = ()


def _field(
    convert: Callable[[Any], Any],
    default: Any,
    *,
    required: bool = False,
    secret: bool = False,
    allowed: str = "",
) -> Any:
    """A dataclass field. `convert` raises ValueError with what would have been allowed."""
    meta = {"convert": convert, "required": required, "secret": secret, "allowed": allowed}
    return dataclasses.field(default=default, repr=not secret, metadata=meta)


def string(default: str = "", *, required: bool = False, secret: bool = False) -> Any:
    """A text. A number is taken as its decimal digits, which is what YAML may make of an id."""

    def convert(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError
        return str(value)

    return _field(convert, default, required=required, secret=secret, allowed="a string")


def boolean(default: bool = False) -> Any:
    """A bool, a string that Go's ``strconv.ParseBool`` takes, or a word of YAML 1.1 without quotes."""

    def convert(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, Unquoted) and value in _YAML_BOOLEANS:
            return _YAML_BOOLEANS[value]
        try:
            return _BOOLEANS[str(value)]
        except KeyError:
            raise ValueError from None

    return _field(convert, default, allowed="true or false")


def integer(
    default: int | None = None,
    *,
    minimum: int | None = None,
    maximum: int | None = None,
    multiple: int = 1,
    raised_to: int | None = None,
    unit: str = "",
) -> Any:
    """An int, a string of decimal digits, or an integer of YAML 1.1 without quotes (``0x500000``, ``1_000``).

    Parameters
    ----------
    default : int, optional
        The value when none is given.
    minimum, maximum : int, optional
        The smallest and the largest value that is allowed.
    multiple : int
        What the value must be a multiple of.
    raised_to : int, optional
        A smaller value is silently raised to this, as the registry does with
        its concurrency limits.
    unit : str
        The unit, for the message.
    """

    def convert(value: Any) -> int:
        if isinstance(value, (bool, float)):
            raise ValueError
        number = int(value) if isinstance(value, int) else _decimal(value)
        if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
            raise ValueError
        if number % multiple:
            raise ValueError
        return number if raised_to is None else max(number, raised_to)

    allowed = f"a multiple of {multiple}" if multiple > 1 else "an integer"
    if minimum is not None:
        allowed += f" from {minimum}" if maximum is not None else f" of at least {minimum}"
    if maximum is not None:
        allowed += f" to {maximum}" if minimum is not None else f" of at most {maximum}"
    return _field(convert, default, allowed=f"{allowed} {unit}".strip())


def number(default: float, *, minimum: float = 0) -> Any:
    """A float above `minimum`, in seconds where it is a time."""

    def convert(value: Any) -> float:
        if isinstance(value, bool):
            raise ValueError
        result = float(value)
        if not minimum < result < float("inf"):
            raise ValueError
        return result

    return _field(convert, default, allowed=f"a number above {minimum:g}")


def choice(
    default: str,
    values: Iterable[str],
    *,
    fold: Callable[[str], str] = str,
    synonyms: Mapping[Any, str] | None = None,
) -> Any:
    """One of some words.

    Parameters
    ----------
    default : str
        The word when none is given.
    values : iterable of str
        The words that are allowed.
    fold : callable
        What brings a word into the form that `values` has, ``str.upper`` say.
    synonyms : mapping, optional
        Other values and the words they stand for.
    """
    words = tuple(values)

    def convert(value: Any) -> str:
        if synonyms and value in synonyms:
            return synonyms[value]
        if not isinstance(value, str) or fold(value) not in words:
            raise ValueError
        return fold(value)

    return _field(convert, default, allowed="one of " + ", ".join(words))


def duration(default: timedelta) -> Any:
    """A length of time as Go writes it (``100ms``, ``20m``), a number of nanoseconds or a `timedelta`."""

    def convert(value: Any) -> timedelta:
        if isinstance(value, timedelta):
            return value
        return parse_duration(_plain_integer(value))

    return _field(convert, default, allowed="a duration such as 100ms, 15s or 20m")


def mapping(*, secret: bool = False) -> Any:
    """A map with string keys, empty if it is not given."""

    def convert(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ValueError
        return dict(value)

    return _field(convert, None, secret=secret, allowed="a map")


def anything(*, secret: bool = False) -> Any:
    """Any object, taken as it is."""
    return _field(lambda value: value, None, secret=secret)


_default_names: ContextVar[NameRule] = ContextVar("storagedriver_default_names", default="registry")


@contextmanager
def defaulting_to_names(names: NameRule) -> Iterator[None]:
    """Within the block, in this thread or task, drivers made without the parameter `names` follow this rule."""
    token = _default_names.set(names)
    try:
        yield
    finally:
        _default_names.reset(token)


@dataclass(frozen=True, kw_only=True)
class NamingParameters:
    """The parameters that every driver has: derive from it.

    Attributes
    ----------
    names : {"registry", "any"}
        Which paths there are: those of a registry, which is the default, or
        any (`storagedriver.paths`).
    unnamed : {"warn", "error"}
        What a listing does that comes upon keys which no path can name: warn
        once, with their number, or raise `UnnamedKeysError`.
    """

    names: NameRule = dataclasses.field(
        default="registry",
        metadata={**choice("registry", NAME_RULES, fold=str.lower).metadata, "otherwise": _default_names.get},
    )
    unnamed: str = choice("warn", ("warn", "error"), fold=str.lower)


def _plain_integer(value: Any) -> Any:
    """The integer that YAML sees in a text without quotes; any other value as it is."""
    found = _YAML_INTEGER.fullmatch(value.replace("_", "")) if isinstance(value, Unquoted) else None
    if found is None:
        return value
    sign, *digits = found.groups()
    number = next(int(text, base) for text, base in zip(digits, (2, 8, 16, 10), strict=True) if text)
    return -number if sign == "-" else number


def _decimal(value: Any) -> int:
    value = _plain_integer(value)
    if isinstance(value, int):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[+-]?[0-9]+", value, re.ASCII):
        raise ValueError
    return int(value)


def parse_duration(value: Any) -> timedelta:
    """A duration in Go's notation (time.ParseDuration), or a whole number of nanoseconds.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int):
        return timedelta(microseconds=value / 1000)
    text = str(value)
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("+", "-") else text
    if re.fullmatch(r"[0-9]+", rest, re.ASCII):
        return timedelta(microseconds=sign * int(rest) / 1000)
    if not rest or _DURATION.sub("", rest):
        raise ValueError
    return sign * timedelta(microseconds=sum(float(count) * _UNITS[unit] for count, unit in _DURATION.findall(rest)))


def parse(
    cls: type[T], driver_name: str, parameters: Mapping[str, Any] | None, *, hints: Mapping[str, str] | None = None
) -> T:
    """Turn a map of parameters into the driver's dataclass.

    Parameters
    ----------
    cls : type
        The dataclass that declares the parameters.
    driver_name : str
        The driver's name, for errors.
    parameters : mapping, optional
        What the user gave. None and the empty string count as not given. A
        name that the driver does not know gives a warning with the nearest
        one it knows.
    hints : mapping, optional
        What to do about names that other registries know and this driver does not.

    Raises
    ------
    ParameterError
        For a missing or a bad value; it names the driver, the parameter, the
        value and what is allowed.
    """
    given = dict(parameters or {})
    values: dict[str, Any] = {}
    declared = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    for name, field in declared.items():
        value = given.pop(name, None)
        if value is None or value == "":
            if field.metadata["required"]:
                near = difflib.get_close_matches(name, [str(other) for other in given if other not in declared], n=1)
                mistyped = f"; did you mean it by {near[0]!r}?" if near else ""
                raise ParameterError(f"it is required{mistyped}", driver_name=driver_name, path=name)
            if "otherwise" in field.metadata:
                values[name] = field.metadata["otherwise"]()
            continue
        try:
            values[name] = field.metadata["convert"](value)
        except (ValueError, TypeError):
            shown = _HIDDEN if field.metadata["secret"] else repr(value)
            detail = f"{shown} is not allowed, it must be {field.metadata['allowed']}"
            raise ParameterError(detail, driver_name=driver_name, path=name) from None
    for name in given:
        hint = f": {hints[name]}" if hints and name in hints else _hint(name, declared)
        message = f"{driver_name}: unknown parameter {name!r} is ignored{hint}"
        warnings.warn(message, StorageDriverWarning, stacklevel=2)
    try:
        return cls(**values)
    except ParameterError as error:
        # Of a check of the class itself, which does not know the driver.
        error.driver_name = error.driver_name or driver_name
        raise


def check_options(protocol: str, options: Iterable[str], known: Iterable[str], advice: str = "") -> None:
    """Refuse options of an fsspec filesystem that it does not know.

    fsspec's own options for any filesystem are known to all of them.

    Parameters
    ----------
    protocol : str
        The filesystem's protocol.
    options : iterable of str
        The names that were given. Values may be secret and are never shown.
    known : iterable of str
        The filesystem's own options.
    advice : str
        Where an option belongs that is none of the filesystem's.

    Raises
    ------
    TypeError
        With the nearest known name for each that is unknown.
    """
    names = {*known, *_OF_FSSPEC}
    unknown = sorted(set(options) - names)
    if unknown:
        shown = ", ".join(f"{name!r}{_hint(name, names)}" for name in unknown)
        raise TypeError(f"{protocol}:// has no such options: {shown}" + (f"; {advice}" if advice else ""))


def _hint(name: Any, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(name), sorted(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def secrets(parameters: Any) -> list[str]:
    """The secret texts of a parsed dataclass, nested maps included, the longest first."""
    found: list[str] = []
    for field in dataclasses.fields(parameters):
        if field.metadata.get("secret"):
            found.extend(_texts(getattr(parameters, field.name)))
    return sorted(set(found), key=len, reverse=True)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
