from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import storagedriver.drivers
from storagedriver import factory
from storagedriver.configuration import UNDERSCORED, Configuration, Middleware, Storage, assign, load
from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidStorageDriverError, MissingExtraError, ParameterError, StorageDriverWarning
from storagedriver.parameters import boolean, integer, parse, string

SECRET = "hunter2xyz"

#: Other tests share the processors.
unhurried = settings(deadline=None)


def parameters(text: str | None = None, known: tuple[str, ...] = UNDERSCORED, **environ: str) -> Mapping[str, Any]:
    return load(text, environ, known=known).storage.parameters


def s3(value: str) -> str:
    return f"storage:\n  s3:\n    key: {value}\n"


def refusal(text: str | None = None, **environ: str) -> str:
    with pytest.raises(ParameterError) as caught:
        load(text, environ)
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    assert caught.value.__cause__ is None
    return message


# --- the file


def test_a_registry_configuration_is_read() -> None:
    text = """\
version: 0.1
log: {level: debug}
storage:
  s3:
    bucket: registry
    chunksize: 10485760
    secure: true
  cache: {blobdescriptor: inmemory}
  maintenance: {uploadpurging: {enabled: true}}
  delete: {enabled: true}
  redirect: {disable: true}
  tag: {concurrencylimit: 8}
http: {addr: ":5000"}
"""
    assert load(text, {}) == Configuration(
        Storage("s3", {"bucket": "registry", "chunksize": "10485760", "secure": "true"})
    )


@pytest.mark.parametrize(
    "text",
    ["0123", "0o17", "0x1F", "1e3", "1_000", "no", "off", "yes", "True", "12:30:45", "2024-01-01", ".inf", "=", "-1"],
)
def test_what_looks_like_another_type_stays_text(text: str) -> None:
    assert parameters(s3(text)) == {"key": text}
    assert parameters(REGISTRY_STORAGE_S3_KEY=text) == {"key": text}
    assert parameters(f"storage: {{s3: {{{text}: a}}}}") == {text: "a"}


PLAIN = st.text("abcXYZ0123456789_.+/=-", min_size=1).filter(
    lambda text: text not in ("-", "---", "...", "null", "Null", "NULL")
)


@unhurried
@given(PLAIN)
@example("1e3")
@example("0b1")
@example("+.INF")
def test_plain_scalars_keep_their_text(text: str) -> None:
    assert parameters(s3(text)) == {"key": text}
    assert parameters(REGISTRY_STORAGE_S3_KEY=text) == {"key": text}


@unhurried
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_single_quotes_keep_any_text(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert parameters(s3(quoted)) == {"key": text}
    assert parameters(REGISTRY_STORAGE_S3_KEY=quoted) == {"key": text}


def _lenient(text: str) -> tuple[Any, bool]:
    """The value that a variable is read as, and whether that warned; a refusal gives its message."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return parameters(REGISTRY_STORAGE_S3_KEY=text)["key"], bool(caught)
        except ParameterError as error:
            return error, False


@unhurried
@given(st.text("ab01 :#*&!|>@%'\"`{}[],?-\n~", max_size=12))
def test_a_variable_is_read_whole_or_warned_of_or_refused_in_one_line(text: str) -> None:
    value, warned = _lenient(text)
    if isinstance(value, ParameterError):
        assert "\n" not in str(value)
    elif value is None:
        assert text.strip() in ("", "~")
    elif isinstance(value, str) and text.strip()[0] not in "'\"|>!&":
        assert warned or value == text.strip()


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_null_is_none(text: str) -> None:
    assert parameters(s3(text)) == {"key": None}
    assert parameters(s3("x"), REGISTRY_STORAGE_S3_KEY=text) == {"key": None}


def test_a_quoted_null_is_text() -> None:
    assert parameters(s3("'null'")) == {"key": "null"}


def test_tags_of_scalars_change_nothing() -> None:
    assert parameters(s3("!!int 0123")) == {"key": "0123"}


def test_maps_and_lists_stay_nested() -> None:
    text = "storage: {azure: {credentials: {type: shared_key, secret: 01}, list: [1, {a: off}]}}"
    assert parameters(text) == {
        "credentials": {"type": "shared_key", "secret": "01"},
        "list": ["1", {"a": "off"}],
    }


def test_merges_are_kept() -> None:
    text = "x: &x {bucket: a, region: b}\nstorage:\n  s3:\n    <<: *x\n    region: c\n"
    assert parameters(text) == {"bucket": "a", "region": "c"}


def test_an_alias_within_what_it_names_is_refused() -> None:
    text = "storage:\n  fsspec: &all\n    url: memory://x\n    storage_options: *all\n"
    assert "alias" in refusal(text)
    assert refusal("storage: s3", REGISTRY_STORAGE_S3="&a [*a]").startswith("invalid parameter: REGISTRY_STORAGE_S3")


def test_aliases_that_stand_for_more_values_than_memory_holds_are_refused() -> None:
    levels = [f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 9)}]" for level in range(1, 30)]
    text = "\n".join(["x0: &x0 [a]", *levels, "storage: {fsspec: {url: memory://x, storage_options: {key: *x29}}}"])
    assert "aliases" in refusal(text)


def test_an_override_leaves_the_other_users_of_an_alias_alone() -> None:
    text = "storage: {s3: {a: &x {k: v}, b: *x}}"
    assert parameters(text, REGISTRY_STORAGE_S3_A_K="w") == {"a": {"k": "w"}, "b": {"k": "v"}}


@pytest.mark.parametrize("text", ["storage: inmemory", "storage: {inmemory: {}}", "storage: {inmemory: }"])
def test_a_driver_without_parameters(text: str) -> None:
    assert load(text, {}).storage == Storage("inmemory")


def test_no_driver_says_what_is_there() -> None:
    assert "exactly one driver, found cache, delete" in refusal("storage: {cache: {}, delete: {}}")
    assert "no storage section, only version, http" in refusal("version: 0.1\nhttp: {}\n")
    assert "set REGISTRY_STORAGE" in refusal()
    assert "found nothing" in refusal("storage: {}")


def test_two_drivers_are_named_with_where_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("storage: inmemory\n")
    with pytest.raises(ParameterError) as caught:
        load(tmp_path / "c.yml", {"REGISTRY_STORAGE_S3_BUCKET": "b"})
    assert f"inmemory (from {tmp_path / 'c.yml'}), s3 (from REGISTRY_STORAGE_S3_BUCKET)" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a: b\n", "must be a map with the key storage, not a list"),
        ("storage: [s3]", "storage must be a map or a driver's name, not a list"),
        ("storage: {s3: b}", "storage.s3 must be a map, not a text"),
        ("storage: {s3: {~: b}}", "a map has an empty key"),
        ("storage: inmemory\nmiddleware: {storage: {a: b}}", "middleware.storage must be a list of maps"),
    ],
)
def test_a_wrong_shape_is_named(text: str, message: str) -> None:
    assert message in refusal(text)


@pytest.mark.parametrize(
    "value",
    [
        f"*{SECRET}",
        f"!{SECRET}",
        f"!{SECRET}!x",
        f"!'{SECRET}",
        f"a: b: {SECRET}",
        f"@{SECRET}",
        f"%{SECRET}",
        f"'{SECRET}",
        f"{{{SECRET}",
        f'"{SECRET}\\q"',
        f"{SECRET}\x01",
        f"? [{SECRET}]",
    ],
)
def test_an_error_tells_the_line_and_no_value(value: str) -> None:
    assert "line " in refusal(s3(value))
    assert "REGISTRY_STORAGE_S3_KEY: " in refusal(REGISTRY_STORAGE_S3_KEY=value)


def test_too_deep_a_nesting_is_refused() -> None:
    assert "nested too deeply" in refusal("[" * 10_000 + "\n")


def test_another_version_warns() -> None:
    with pytest.warns(StorageDriverWarning, match="version is not 0.1"):
        load("version: 0.2\nstorage: inmemory\n", {})


def test_a_file_is_read_by_name_or_path(tmp_path: Path) -> None:
    file = tmp_path / "c.yml"
    file.write_bytes(b"\xef\xbb\xbfstorage: inmemory\n")
    assert load(str(file), {}) == load(file, {}) == Configuration(Storage("inmemory"))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"none\.yml: it cannot be read: No such file"):
        load(tmp_path / "none.yml", {})
    (tmp_path / "c.yml").write_bytes(b"a: b\nc: \xff\n")
    with pytest.raises(ParameterError, match=r"c\.yml: line 2: it is not UTF-8"):
        load(tmp_path / "c.yml", {})


def test_nothing_secret_is_in_a_repr() -> None:
    text = f"storage: {{s3: {{key: {SECRET}}}}}\nmiddleware: {{storage: [{{name: m, options: {{key: {SECRET}}}}}]}}"
    assert SECRET not in repr(load(text, {}))


# --- the environment


def test_a_variable_overrides_one_key() -> None:
    text = "storage: {s3: {bucket: a, region: b}}"
    assert parameters(text, REGISTRY_STORAGE_S3_BUCKET="x") == {"bucket": "x", "region": "b"}


def test_keys_that_a_variable_creates_are_lower_case() -> None:
    assert load(None, {"REGISTRY_STORAGE_AZURE_CREDENTIALS_TYPE": "x"}) == Configuration(
        Storage("azure", {"credentials": {"type": "x"}})
    )


def test_keys_that_are_there_are_found_in_any_case() -> None:
    assert parameters("storage: {s3: {BucketName: a}}", REGISTRY_STORAGE_S3_BUCKETNAME="x") == {"BucketName": "x"}


def test_the_section_is_replaced_before_what_is_below_it() -> None:
    environ = {"REGISTRY_STORAGE_S3_BUCKET": "x", "REGISTRY_STORAGE": "s3"}
    assert load("storage: {filesystem: {rootdirectory: /a}, cache: {}}", environ).storage == Storage(
        "s3", {"bucket": "x"}
    )


def test_a_value_is_yaml() -> None:
    assert parameters(REGISTRY_STORAGE="{s3: {bucket: 01}}") == {"bucket": "01"}
    assert parameters(REGISTRY_STORAGE_S3_LIST="[1, 2]") == {"list": ["1", "2"]}
    assert parameters(REGISTRY_STORAGE_S3_KEY=' "a\\nb" ') == {"key": "a\nb"}
    assert parameters(REGISTRY_STORAGE_S3_KEY="--- 'a'") == {"key": "a"}
    assert parameters(REGISTRY_STORAGE_S3_KEY="!!str 01") == {"key": "01"}


def test_a_value_of_several_lines_keeps_them() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----"
    assert parameters(REGISTRY_STORAGE_GCS_CREDENTIALS_PRIVATE_KEY=pem + "\n") == {"credentials": {"private_key": pem}}


@pytest.mark.parametrize("value", [f"#{SECRET}", f"&{SECRET}"])
def test_a_value_that_yaml_does_not_see_is_refused(value: str) -> None:
    assert "no value in it" in refusal(REGISTRY_STORAGE_S3_KEY=value)


def test_a_value_that_yaml_cuts_short_warns() -> None:
    with pytest.warns(StorageDriverWarning, match="begins a comment") as caught:
        assert parameters(REGISTRY_STORAGE_S3_KEY=f"abc #{SECRET}") == {"key": "abc"}
    assert SECRET not in str(caught[0].message)


@pytest.mark.parametrize("text", ["storage: {azure: {}}", "storage: {azure: {max_retries: 1}}", None])
def test_a_key_with_an_underscore_is_reached(text: str | None) -> None:
    assert parameters(text, REGISTRY_STORAGE_AZURE_MAX_RETRIES="3") == {"max_retries": "3"}


def test_a_key_of_the_file_with_underscores_is_reached() -> None:
    text = "storage: {mine: {a_b_c: 1, a: {d: 2}}}"
    assert parameters(text, REGISTRY_STORAGE_MINE_A_B_C="x", REGISTRY_STORAGE_MINE_A_D="y") == {
        "a_b_c": "x",
        "a": {"d": "y"},
    }


def test_the_longest_name_wins() -> None:
    text = "storage: {mine: {a: {b_c: 1}, a_b: {c: 2}}}"
    assert parameters(text, REGISTRY_STORAGE_MINE_A_B_C="x") == {"a": {"b_c": "1"}, "a_b": {"c": "x"}}


def test_a_text_is_no_beginning_of_a_longer_key() -> None:
    text = "storage: {gcs: {credentials: {client: a}}}"
    found = parameters(text, REGISTRY_STORAGE_GCS_CREDENTIALS_CLIENT_ID="x")
    assert found == {"credentials": {"client": "a", "client_id": "x"}}


def test_other_names_can_be_made_known() -> None:
    assert parameters(None, ("my_key",), REGISTRY_STORAGE_MINE_MY_KEY="x") == {"my_key": "x"}
    assert parameters(None, (), REGISTRY_STORAGE_MINE_MY_KEY="x") == {"my": {"key": "x"}}


def test_a_driver_with_an_underscore_is_reached() -> None:
    factory.register("my_driver", _fail)
    try:
        assert load(None, {"REGISTRY_STORAGE_MY_DRIVER_KEY": "x"}).storage == Storage("my_driver", {"key": "x"})
    finally:
        factory.unregister("my_driver")


def _fail(_: Mapping[str, Any]) -> StorageDriver:
    raise AssertionError


def _declared() -> Iterator[str]:
    """The names of all parameters that this package's drivers declare."""
    for module in pkgutil.walk_packages(storagedriver.drivers.__path__, "storagedriver.drivers."):
        try:
            found = vars(importlib.import_module(module.name))
        except (ImportError, InvalidStorageDriverError):
            continue
        for item in found.values():
            if isinstance(item, type) and dataclasses.is_dataclass(item):
                yield from (field.name for field in dataclasses.fields(item) if "convert" in field.metadata)


def test_all_parameters_of_our_drivers_can_be_reached() -> None:
    declared = set(_declared())
    assert "rootdirectory" in declared
    assert {name for name in declared if "_" in name} <= set(UNDERSCORED)


def test_indexes_are_segments() -> None:
    text = "storage: {mine: {list: [a, {k: b}]}}"
    assert parameters(
        text,
        REGISTRY_STORAGE_MINE_LIST_0="x",
        REGISTRY_STORAGE_MINE_LIST_1_K="y",
        REGISTRY_STORAGE_MINE_LIST_2_K="z",
    ) == {"list": ["x", {"k": "y"}, {"k": "z"}]}


@unhurried
@given(st.permutations(range(12)))
def test_a_list_grows_in_the_order_of_its_indexes(order: list[int]) -> None:
    environ = {f"REGISTRY_STORAGE_MINE_LIST_{index}": f"v{index}" for index in order}
    assert load(None, environ).storage.parameters == {"list": [f"v{index}" for index in range(12)]}


@pytest.mark.parametrize("segment", ["3", "X", "-1"])
def test_an_index_out_of_range_is_refused(segment: str) -> None:
    message = refusal("storage: {mine: {list: [a, b]}}", **{f"REGISTRY_STORAGE_MINE_LIST_{segment}": SECRET})
    assert "a list of 2" in message
    assert "storage.mine.list" in message


def test_nothing_stands_below_a_text() -> None:
    message = refusal(f"storage: {{s3: {{bucket: {SECRET}}}}}", REGISTRY_STORAGE_S3_BUCKET_X=SECRET)
    assert "storage.s3.bucket: it is no map" in message


@pytest.mark.parametrize("name", ["REGISTRY_STORAGE_", "REGISTRY_STORAGE_S3__X"])
def test_an_empty_name_is_refused(name: str) -> None:
    assert name in refusal("storage: inmemory", **{name: SECRET})


def test_variables_of_other_sections_do_not_matter() -> None:
    environ = {"REGISTRY_HTTP_SECRET": "*", "REGISTRY_": "x", "REGISTRY_PORT_5000_TCP": "tcp://x", "STORAGE": "y"}
    assert load("storage: inmemory", environ) == Configuration(Storage("inmemory"))


NAMES = st.lists(st.sampled_from(["A", "B", "AB", "C"]), min_size=1, max_size=4).map("_".join)


@unhurried
@given(st.data(), st.sets(NAMES, max_size=6))
def test_the_order_of_the_environment_does_not_matter(data: st.DataObject, names: set[str]) -> None:
    environ = {f"REGISTRY_STORAGE_MINE_{name}": f"{{own: {number}}}" for number, name in enumerate(sorted(names))}
    environ["REGISTRY_STORAGE"] = "mine"
    shuffled = dict(data.draw(st.permutations(sorted(environ.items()))))
    assert load(None, shuffled) == load(None, environ)


@unhurried
@given(st.sets(NAMES, max_size=6))
def test_no_variable_undoes_a_longer_one(names: set[str]) -> None:
    environ = {f"REGISTRY_STORAGE_MINE_{name}": f"{{own: {name}}}" for name in names}
    environ["REGISTRY_STORAGE_MINE"] = "{kept: yes}"
    found = load(None, environ).storage.parameters
    assert found["kept"] == "yes"
    for name in names:
        node: Any = found
        for segment in name.lower().split("_"):
            node = node[segment]
        assert node["own"] == name


# --- types of YAML


@dataclasses.dataclass(frozen=True)
class Typed:
    secure: bool = boolean(True)
    chunksize: int = integer(0)
    bucket: str = string()


def typed(text: str | None = None, **environ: str) -> Typed:
    return parse(Typed, "s3", load(text, environ).storage.parameters)


@pytest.mark.parametrize("text", ["no", "off", "N", "False"])
def test_a_boolean_of_yaml_reaches_a_parameter_of_that_type(text: str) -> None:
    assert typed(f"storage: {{s3: {{secure: {text}, bucket: {text}}}}}") == Typed(secure=False, bucket=text)
    assert typed(REGISTRY_STORAGE_S3_SECURE=text, REGISTRY_STORAGE_S3_BUCKET=text) == Typed(secure=False, bucket=text)
    assert typed(REGISTRY_STORAGE=f"{{s3: {{secure: {text}}}}}") == Typed(secure=False)


@pytest.mark.parametrize("text", ["0x500000", "024000000", "0o24000000", "5_242_880"])
def test_an_integer_of_yaml_reaches_a_parameter_of_that_type(text: str) -> None:
    assert typed(f"storage: {{s3: {{chunksize: {text}, bucket: {text}}}}}") == Typed(chunksize=5 << 20, bucket=text)
    assert typed(REGISTRY_STORAGE_S3_CHUNKSIZE=text, REGISTRY_STORAGE_S3_BUCKET=text) == Typed(
        chunksize=5 << 20, bucket=text
    )


@pytest.mark.parametrize("text", ["'no'", '"no"', "!!str no", "&a !!str no", "|-\n  no"])
def test_what_is_a_string_in_yaml_is_no_boolean(text: str) -> None:
    with pytest.raises(ParameterError, match="'no' is not allowed, it must be true or false"):
        typed(f"storage:\n s3:\n  secure: {text}\n".replace("\n  no", "\n   no"))
    with pytest.raises(ParameterError, match="'no' is not allowed"):
        typed(REGISTRY_STORAGE_S3_SECURE=text)


def test_an_anchor_is_no_tag() -> None:
    assert typed("storage: {s3: {secure: &a no}}") == Typed(secure=False)


@pytest.mark.parametrize("text", ["yes", "on", "y"])
def test_middleware_is_disabled_by_a_word_of_yaml(text: str) -> None:
    section = f"middleware: {{storage: [{{name: redirect, disabled: {text}}}]}}"
    assert load(f"storage: inmemory\n{section}", {}).middleware == ()
    environ = {"REGISTRY_MIDDLEWARE_STORAGE_0_NAME": "redirect", "REGISTRY_MIDDLEWARE_STORAGE_0_DISABLED": text}
    assert load("storage: inmemory", environ).middleware == ()


# --- middleware


def test_middleware_is_read_and_what_is_disabled_is_left_out() -> None:
    text = """\
storage: inmemory
middleware:
  registry: [{name: other}]
  storage:
    - name: redirect
      options: {baseurl: https://a}
    - {name: cloudfront, disabled: true}
"""
    assert load(text, {}).middleware == (Middleware("redirect", {"baseurl": "https://a"}),)


def test_middleware_comes_from_the_environment_too() -> None:
    environ = {
        "REGISTRY_MIDDLEWARE_STORAGE_0_NAME": "redirect",
        "REGISTRY_MIDDLEWARE_STORAGE_0_OPTIONS_BASEURL": "https://a",
    }
    assert load("storage: inmemory", environ).middleware == (Middleware("redirect", {"baseurl": "https://a"}),)


def test_middleware_needs_a_name() -> None:
    assert "middleware.storage.0" in refusal("storage: inmemory\nmiddleware: {storage: [{options: {}}]}")


# --- the driver


def test_the_driver_is_made_with_the_parameters_as_they_were_written(tmp_path: Path) -> None:
    configuration = load(f"storage: {{filesystem: {{rootdirectory: {tmp_path}, maxthreads: 50}}}}", {})
    with configuration.create_driver() as driver:
        assert driver.name == "filesystem"
        driver.put_content("/a", b"1")
    assert (tmp_path / "a").read_bytes() == b"1"


def test_the_middleware_is_put_around_the_driver_in_its_order() -> None:
    text = """\
storage: inmemory
middleware:
  storage:
    - {name: redirect, options: {baseurl: "https://a.example/x"}}
    - {name: rewrite, disabled: true, options: {host: never.example}}
    - {name: rewrite, options: {trimpathprefix: /x}}
"""
    environ = {"REGISTRY_MIDDLEWARE_STORAGE_2_OPTIONS_SCHEME": "http"}
    with load(text, environ).create_driver() as driver:
        assert driver.redirect_url("/b/c") == "http://a.example/b/c"
        assert driver.name == "inmemory"


def test_without_pyyaml_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['yaml'] = None\n"
        "from storagedriver import MissingExtraError, configuration\n"
        "try: configuration.load('storage: inmemory', {})\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert 'pip install "storagedriver[yaml]"' in done.stdout
    assert issubclass(MissingExtraError, InvalidStorageDriverError)


# --- trees


KEYS = st.sampled_from(["a", "b"])
TREES = st.dictionaries(KEYS, st.text(max_size=2) | st.dictionaries(KEYS, st.dictionaries(KEYS, st.just("old"))))


@unhurried
@given(TREES, st.lists(KEYS, min_size=1, max_size=3))
def test_assign_puts_a_value_and_changes_nothing_else(tree: dict[str, Any], path: list[str]) -> None:
    before = repr(tree)
    try:
        after = assign(tree, path, "new")
    except ParameterError:
        return
    finally:
        assert repr(tree) == before
    node = after
    for key in path:
        node = node[key]
    assert node == "new"
    assert {key: value for key, value in after.items() if key != path[0]} == {
        key: value for key, value in tree.items() if key != path[0]
    }
