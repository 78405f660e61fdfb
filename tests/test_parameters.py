"""Parameters: what a user wrote, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from storagedriver import ParameterError, StorageDriverWarning
from storagedriver.parameters import (
    Unquoted,
    anything,
    boolean,
    choice,
    duration,
    integer,
    mapping,
    number,
    parse,
    parse_duration,
    secrets,
    string,
)


@dataclass(frozen=True)
class Parameters:
    bucket: str = string(required=True)
    secretkey: str = string(secret=True)
    secure: bool = boolean(True)
    chunksize: int = integer(10, minimum=5, maximum=100, multiple=5)
    maxthreads: int = integer(100, raised_to=25)
    timeout: float = number(15)
    storageclass: str = choice("STANDARD", ("STANDARD", "NONE"), fold=str.upper)
    loglevel: str = choice("off", ("off", "debug"), synonyms={False: "off"})
    retry_delay: timedelta = duration(timedelta(seconds=1))
    credentials: dict[str, Any] | None = mapping(secret=True)
    fs: Any = anything()


def read(**given: Any) -> Parameters:
    return parse(Parameters, "mine", {"bucket": "b", **given})


def test_what_is_not_given_has_its_default() -> None:
    parameters = read()
    assert parameters.secure is True
    assert parameters.chunksize == 10
    assert parameters.credentials is None


@pytest.mark.parametrize("missing", [{}, {"bucket": None}, {"bucket": ""}])
def test_a_required_parameter_must_be_given(missing: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="mine: invalid parameter: bucket: it is required"):
        parse(Parameters, "mine", missing)


def test_a_required_parameter_that_is_mistyped_is_named() -> None:
    with pytest.raises(ParameterError, match="bucket: it is required; did you mean it by 'Bucket'"):
        parse(Parameters, "mine", {"Bucket": "b", "secure": "true"})


def test_a_check_of_the_class_itself_carries_the_name_of_the_driver() -> None:
    @dataclass(frozen=True)
    class Checked:
        bucket: str = string()

        def __post_init__(self) -> None:
            raise ParameterError("it is refused", path="bucket")

    with pytest.raises(ParameterError, match="mine: invalid parameter: bucket: it is refused"):
        parse(Checked, "mine", {})


@pytest.mark.parametrize("value", ["1", "t", "T", "TRUE", "true", "True", True])
def test_go_spells_true_like_this(value: object) -> None:
    assert read(secure=value).secure is True


@pytest.mark.parametrize("value", ["0", "f", "F", "FALSE", "false", "False", False])
def test_go_spells_false_like_this(value: object) -> None:
    assert read(secure=value).secure is False


@pytest.mark.parametrize("value", ["yes", "no", "on", "tRUE", 2, 1.0])
def test_anything_else_is_no_boolean(value: object) -> None:
    with pytest.raises(ParameterError, match="secure.*must be true or false"):
        read(secure=value)


def test_an_integer_may_be_a_decimal_string() -> None:
    assert read(chunksize="50").chunksize == 50
    assert read(chunksize=50).chunksize == 50


@pytest.mark.parametrize("value", ["ten", "0x10", "1e1", "5.0", 5.0, True, 4, 105, 12, "٥", [5]])  # noqa: RUF001
def test_an_integer_out_of_its_bounds_or_form_is_refused_with_what_is_allowed(value: object) -> None:
    with pytest.raises(ParameterError, match="mine: invalid parameter: chunksize: .* a multiple of 5 from 5 to 100"):
        read(chunksize=value)


def test_a_limit_that_is_too_low_is_raised() -> None:
    assert read(maxthreads=1).maxthreads == 25
    assert read(maxthreads=26).maxthreads == 26


def test_a_choice_is_folded_and_may_have_synonyms() -> None:
    assert read(storageclass="standard").storageclass == "STANDARD"
    assert read(loglevel=False).loglevel == "off"
    with pytest.raises(ParameterError, match="storageclass: 'COLD' is not allowed, it must be one of STANDARD, NONE"):
        read(storageclass="COLD")


def test_a_number_of_an_id_stays_its_digits() -> None:
    assert read(bucket=123).bucket == "123"
    assert read(bucket="0123").bucket == "0123"


@pytest.mark.parametrize("value", [True, ["b"], {"b": 1}])
def test_a_string_is_a_scalar(value: object) -> None:
    with pytest.raises(ParameterError, match="bucket.*a string"):
        read(bucket=value)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("100ms", 100_000),
        ("20m", 1_200_000_000),
        ("1h2m3s", 3_723_000_000),
        ("1.5s", 1_500_000),
        ("-2s", -2_000_000),
        ("250us", 250),
        ("250µs", 250),
        ("0", 0),
        ("1000000", 1000),
        (1_000_000, 1000),
    ],
)
def test_a_duration_is_written_as_go_writes_it(text: object, microseconds: int) -> None:
    assert parse_duration(text) == timedelta(microseconds=microseconds)


@pytest.mark.parametrize("text", ["", "5 s", "s", "1d", "five", True, "--1s", "1s2"])
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="^$"):
        parse_duration(text)


def test_an_unknown_parameter_is_a_warning_with_the_nearest_name() -> None:
    with pytest.warns(StorageDriverWarning, match="mine: unknown parameter 'chunk_size' .* 'chunksize'"):
        read(chunk_size=5)


def test_a_bad_secret_is_not_shown() -> None:
    with pytest.raises(ParameterError) as caught:
        read(secretkey=["hunter2"])
    assert "hunter2" not in str(caught.value)
    assert "secretkey" in str(caught.value)


def test_secrets_are_kept_out_of_the_repr_and_can_be_listed() -> None:
    parameters = read(secretkey="hunter2", credentials={"type": "x", "inner": {"secret": "hunter22"}})
    assert "hunter2" not in repr(parameters)
    assert secrets(parameters) == ["hunter22", "hunter2", "x"]


# --- texts without quotes


@dataclass(frozen=True)
class Typed:
    flag: bool = boolean()
    count: int | None = integer()
    pause: timedelta = duration(timedelta(0))
    text: str = string()
    word: str = choice("a", ("a", "no"))


@pytest.mark.parametrize("word", ["yes", "Yes", "YES", "on", "On", "ON", "y", "Y", "true", "1", "T"])
def test_a_word_of_yaml_without_quotes_is_a_boolean(word: str) -> None:
    assert parse(Typed, "d", {"flag": Unquoted(word)}).flag is True


@pytest.mark.parametrize("word", ["no", "No", "NO", "off", "Off", "OFF", "n", "N", "false", "0", "f"])
def test_a_word_of_yaml_without_quotes_is_false(word: str) -> None:
    @dataclass(frozen=True)
    class Flag:
        flag: bool = boolean(True)

    assert parse(Flag, "d", {"flag": Unquoted(word)}).flag is False


@pytest.mark.parametrize("value", [Unquoted("yEs"), Unquoted("yes "), Unquoted("2"), "yes", "off", "y"])
def test_other_words_and_words_with_quotes_are_no_boolean(value: str) -> None:
    with pytest.raises(ParameterError, match="true or false"):
        parse(Typed, "d", {"flag": value})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0x500000", 5 << 20),
        ("0o17", 15),
        ("017", 15),
        ("0b101", 5),
        ("1_000_000", 1_000_000),
        ("-0x10", -16),
        ("+5", 5),
        ("0", 0),
        ("10485760", 10485760),
    ],
)
def test_an_integer_of_yaml_without_quotes(text: str, number: int) -> None:
    assert parse(Typed, "d", {"count": Unquoted(text)}).count == number


@pytest.mark.parametrize(
    "value", ["0x500000", "1_000", Unquoted("0x"), Unquoted("1e3"), Unquoted("_"), Unquoted("1.0")]
)
def test_what_is_no_integer(value: str) -> None:
    with pytest.raises(ParameterError, match="an integer"):
        parse(Typed, "d", {"count": value})


def test_a_number_of_nanoseconds_without_quotes() -> None:
    assert parse(Typed, "d", {"pause": Unquoted("1_000_000")}).pause == timedelta(milliseconds=1)


@pytest.mark.parametrize("text", ["0123", "no", "0x10", "1_000"])
def test_without_quotes_a_text_stays_the_text(text: str) -> None:
    parsed = parse(Typed, "d", {"text": Unquoted(text), "word": Unquoted("no")})
    assert (parsed.text, parsed.word) == (text, "no")
    assert type(parsed.text) is type(parsed.word) is str
