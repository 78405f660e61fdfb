"""YAML whose scalars keep the text they were written as, and whose errors show no values.

A scalar without quotes is an `Unquoted`, so that a parameter that is a boolean
or an integer can be read as YAML 1.1 has it.
"""

from __future__ import annotations

import functools
import re
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

from storagedriver.errors import MissingExtraError, ParameterError, StorageDriverWarning
from storagedriver.parameters import Unquoted

if TYPE_CHECKING:
    import yaml

__all__ = ["parse", "parse_variable"]

_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_MERGE = re.compile(r"<<\Z")
_TOO_DEEP = "it is nested too deeply"
#: A document of a few lines whose aliases name each other can stand for more values than memory holds.
_MOST_VALUES = 100_000
_HINT = "a value with special characters needs single quotes"

#: What PyYAML quotes that is no part of a value: one character, or a token's name.
_HARMLESS = re.compile(r"""(['"])(.|<[a-z ]+>)\1""")


def parse(text: str, origin: str) -> Any:
    """The one document of a file: maps, lists, texts and None.

    Parameters
    ----------
    text : str
        The YAML.
    origin : str
        What errors call it.

    Raises
    ------
    ParameterError
        If it is no YAML; with the line, and without any of its values.
    MissingExtraError
        If PyYAML is not installed.
    """
    value = _compose(text, origin)[1]
    _check(value, origin)
    return value


def parse_variable(text: str, variable: str) -> Any:
    """The value of an environment variable, which is YAML.

    A plain scalar of several lines, a key in PEM say, keeps its lines.

    Parameters
    ----------
    text : str
        The value.
    variable : str
        The variable's name, for errors.

    Raises
    ------
    ParameterError
        As for `parse`; and if there is a text, but YAML sees no value in it.
    """
    node, value = _compose(text, variable)
    _check(value, variable)
    bare = text.strip()
    if value is None and not _NULL.match(bare):
        raise ParameterError(f"YAML sees no value in it; {_HINT}", path=variable)
    if node is None or not isinstance(value, str):
        return value
    source = text[node.start_mark.index : node.end_mark.index]
    if source.split() != value.split():  # quoted, a block or tagged: it says itself what it is
        return value
    if source != bare and "#" in bare:
        message = f"{variable}: to YAML a # begins a comment, and what follows is left out; {_HINT}"
        warnings.warn(message, StorageDriverWarning, stacklevel=2)
    return Unquoted(source)


@functools.cache
def _loader() -> type[yaml.SafeLoader]:
    """PyYAML's safe loader with two implicit types, null and merge, and text for the rest."""
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        detail = 'reading a configuration needs PyYAML: pip install "storagedriver[yaml]"'
        raise MissingExtraError(detail) from error

    safe = yaml.SafeLoader
    kinds = ("str", "int", "float", "bool", "timestamp")
    texts = dict.fromkeys((_TAG + kind for kind in kinds), _text)

    class Loader(yaml.SafeLoader):
        yaml_constructors: ClassVar[Any] = {
            **texts,
            _TAG + "null": safe.construct_yaml_null,
            _TAG + "map": safe.construct_yaml_map,
            _TAG + "seq": safe.construct_yaml_seq,
            None: safe.construct_undefined,
        }

    null, merge = (_TAG + "null", _NULL), (_TAG + "merge", _MERGE)
    Loader.yaml_implicit_resolvers = {**{first: [null] for first in ("~", "n", "N", "")}, "<": [merge]}
    return Loader


def _text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    """A scalar's text. One with quotes, a block, and one that is tagged as a string are no more than that."""
    text: str = loader.construct_yaml_str(node)
    start, end = node.start_mark, node.end_mark
    # An anchor may stand before a tag.
    properties = (start.buffer or "")[start.pointer : start.pointer + end.index - start.index].split()[:2]
    is_string = node.tag == _TAG + "str" and any(word.startswith("!") for word in properties)
    return text if node.style is not None or is_string else Unquoted(text)


def _compose(text: str, origin: str) -> tuple[yaml.Node | None, Any]:
    """The node and the value of the one document in `text`."""
    loader_class = _loader()
    import yaml  # noqa: PLC0415 - an extra; the line above has said so if it is missing

    try:
        loader = loader_class(text)
        try:
            node = loader.get_single_node()
            return node, None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        problem = re.split("['\"]", _HARMLESS.sub(r"\2", error.problem or ""), maxsplit=1)[0].strip()
        raise ParameterError(f"{line}it is no YAML: {problem}; {_HINT}", path=origin) from None
    except yaml.reader.ReaderError as error:
        line = f"line {text.count(chr(10), 0, error.position) + 1}: "
        raise ParameterError(f"{line}it is no YAML: it holds a control character", path=origin) from None
    except RecursionError:
        raise ParameterError(_TOO_DEEP, path=origin) from None


def _check(value: Any, origin: str) -> None:
    """Refuse a key that is no text, an alias within what it names, and more values than a configuration has.

    Each node is looked at once, however many aliases name it.
    """
    #: How many values a node is with its aliases written out, by its id; None while it is counted.
    counts: dict[int, int | None] = {}

    def count(item: Any) -> int:
        if not isinstance(item, (dict, list)):
            return 1
        if id(item) in counts:
            known = counts[id(item)]
            if known is None:
                raise ParameterError("an alias stands within what it names", path=origin)
            return known
        if isinstance(item, dict) and None in item:
            raise ParameterError("a map has an empty key", path=origin)
        counts[id(item)] = None
        found = counts[id(item)] = 1 + sum(map(count, item.values() if isinstance(item, dict) else item))
        return found

    try:
        if count(value) > _MOST_VALUES:
            raise ParameterError(f"its aliases make more than {_MOST_VALUES} values of it", path=origin)
    except RecursionError:
        raise ParameterError(_TOO_DEEP, path=origin) from None
