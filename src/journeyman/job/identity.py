"""A hash of a value. Equal hashes mean that both values give the same answers and the same scores.

A folder's job has its files for that. A job made in Python has its environment and its verifiers: records, functions,
classes, files. Of code that its author wrote the source counts; of libraries the name and the version.
"""

from __future__ import annotations

import ast
import enum
import functools
import hashlib
import inspect
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from journeyman.errors import InputError

PLAIN = (
    bool, int, float, complex, str, bytes, bytearray, date, datetime, time, timedelta, Decimal, Fraction, UUID,
    re.Pattern, range, slice,
)  # fmt: skip
"""Types whose `repr` says all."""

BUILT_IN = (
    types.BuiltinFunctionType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
)
HINT = "Define it in a file, give it an attribute `identity`, or give Job(fingerprint=…)."
MOST_DEEP = 60
"""How far values may be nested."""


def identity_of(value: object) -> str:
    """A hash of all in a value that can change an answer or a score.

    An object may say its own by an attribute `identity`: a value, or a method that gives one.
    Module variables that a function reads count where they are constants (named in capitals, or plain values),
    functions, classes, or objects with an `identity`. Raises InputError for what can't be told apart.
    """
    return _digest(_Teller().told(value))


def _digest(words: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for word in words:
        digest.update(word.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


class _Teller:
    """Spells one value out, word by word; what holds other values is one word, its hash."""

    def __init__(self) -> None:
        self.hashes: dict[int, str] = {}
        self.path: list[int] = []
        """Of what is being spelled out: a value inside itself is told by its place here."""
        self.kept: list[object] = []
        """An id is given anew once its object is gone."""

    def told(self, value: Any) -> Iterator[str]:
        if value is None or value is ... or isinstance(value, PLAIN):
            yield _plain(value)
        elif id(value) in self.path:
            yield f"within {self.path.index(id(value))}"
        else:
            yield self._hash(value)

    def _hash(self, value: object) -> str:
        key = id(value)
        if key in self.hashes:
            return self.hashes[key]
        if len(self.path) > MOST_DEEP:
            raise _unknown(value)
        self.kept.append(value)
        self.path.append(key)
        spelled = self._spelled(value)
        digest = _digest(spelled)
        self.hashes[key] = digest
        self.path.pop()
        return digest

    def _spelled(self, value: Any) -> Iterator[str]:
        """The first that fits."""
        if isinstance(value, type):
            yield from self._class(value)
        elif (own := _own(value)) is not None:
            yield f"own {_named(type(value))}"
            yield from self.told(own())
        elif isinstance(value, enum.Enum):
            yield f"member {_named(type(value))} {value.name}"
        elif isinstance(value, PurePath):
            yield from _path(Path(value))
        elif isinstance(value, Mapping | Set | list | tuple):
            yield from self._collection(value)
        elif callable(value) and (spelled := self._callable(value)) is not None:
            yield from spelled
        elif isinstance(value, types.ModuleType):
            yield f"module {_library(value.__name__)}"
        else:
            yield from self._object(value)

    def _collection(self, value: Any) -> Iterator[str]:
        kind = _named(type(value))
        yield f"{kind} of {len(value)}"
        if isinstance(value, Mapping):
            keys = sorted(value, key=repr)
            for key in keys:
                yield from self.told(key)
                yield from self.told(value[key])
        elif isinstance(value, Set):
            identities = map(identity_of, value)
            yield from sorted(identities)
        else:
            for item in value:
                yield from self.told(item)

    def _callable(self, value: Any) -> Iterator[str] | None:
        """None: an object that happens to be callable."""
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return self._all("method", value.__func__, value.__self__)
        if isinstance(value, functools.partial):
            return self._all("partial", value.func, value.args, value.keywords)
        if isinstance(value, BUILT_IN):
            return iter((f"built in {value.__qualname__}",))
        if isinstance(value, functools._lru_cache_wrapper):
            return self._all("cached", value.__wrapped__)
        return None

    def _all(self, kind: str, *values: object) -> Iterator[str]:
        yield kind
        for value in values:
            yield from self.told(value)

    def _function(self, function: types.FunctionType) -> Iterator[str]:
        if _is_library(function.__module__):
            yield f"function {_named(function)}"
        else:
            yield f"function {function.__name__}"
            yield from _source(function)
            yield from self._read_by(function)
        yield from self.told(function.__defaults__)
        yield from self.told(function.__kwdefaults__)
        for cell in function.__closure__ or ():
            yield from self.told(_inside(cell))
        marks = {name: mark for name, mark in vars(function).items() if name != "__wrapped__"}
        yield from self.told(marks)
        if hasattr(function, "__wrapped__"):
            yield from self.told(function.__wrapped__)

    def _read_by(self, function: types.FunctionType) -> Iterator[str]:
        """What a function reads of its module."""
        for name in sorted(_names(function.__code__)):
            if name in function.__globals__:
                value = function.__globals__[name]
                if _is_constant(name, value):
                    yield name
                    yield from self.told(value)

    def _class(self, kind: type) -> Iterator[str]:
        yield f"class {_named(kind)}"
        if _is_library(kind.__module__):
            return
        yield from self._body(kind)
        for base in kind.__bases__:
            yield from self.told(base)

    def _body(self, kind: type) -> Iterator[str]:
        """A class's source, and what its functions read; one made at run time is known by its fields or functions."""
        source = _text_of(kind)
        if source is not None:
            yield source
        elif issubclass(kind, BaseModel):
            yield str(kind.model_json_schema())
        functions = {name: _under(member) for name, member in vars(kind).items()}
        own = {
            name: function
            for name, function in functions.items()
            if isinstance(function, types.FunctionType) and not _is_library(function.__module__)
        }
        for name in sorted(own):
            yield name
            if source is None:
                yield from self.told(own[name])
            else:
                yield from self._read_by(own[name])

    def _object(self, value: Any) -> Iterator[str]:
        """A record or another object with fields, by its class and all of them."""
        yield "object"
        kind = type(value)
        yield from self.told(kind)
        if isinstance(value, BaseModel):
            names = list(kind.model_fields)
        elif is_dataclass(value):
            names = [field.name for field in fields(value)]
        elif not _is_library(kind.__module__) and hasattr(value, "__dict__"):
            names = sorted(vars(value))
        else:
            raise _unknown(value)
        for name in names:
            yield name
            yield from self.told(getattr(value, name))


def _plain(value: object) -> str:
    return f"{type(value).__qualname__} {value!r}"


def _own(value: object) -> Callable[[], object] | None:
    """How an object says what it is. None: it does not."""
    own = inspect.getattr_static(value, "identity", None)
    if own is None:
        return None
    found = getattr(value, "identity")  # noqa: B009 - bound, not the class's own
    return found if callable(found) else lambda: found


def _inside(cell: types.CellType) -> object:
    """What a closure holds; a name that is not bound yet is nothing."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _under(member: object) -> object:
    """The function below a static method, a class method or a property."""
    if isinstance(member, staticmethod | classmethod):
        return member.__func__
    if isinstance(member, property):
        return member.fget
    if isinstance(member, functools.cached_property):
        return member.func
    return member


def _names(code: types.CodeType) -> set[str]:
    """All names that code may look up, inner functions included."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


def _is_constant(name: str, value: object) -> bool:
    if name.isupper() or value is None:
        return True
    if isinstance(value, (*PLAIN, types.FunctionType, type)):
        return True
    return _own(value) is not None


def _source(function: types.FunctionType) -> Iterator[str]:
    """A function's source; where there is none, as at a prompt, its compiled code.

    Of lambdas, several may stand in one line, so their constants count too.
    """
    code = function.__code__
    text = _text_of(code)
    if text is None:
        yield f"code {sys.version_info[:2]}"
        yield from _compiled(code)
        return
    yield text
    if function.__name__ == "<lambda>":
        yield from _compiled(code)


def _compiled(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    names = (code.co_names, code.co_varnames, code.co_freevars)
    yield repr(names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _compiled(constant)
        else:
            yield repr(constant)


def _text_of(what: type | types.CodeType) -> str | None:
    """The source, as far left as it goes. None: there is none, or what stands there is something else."""
    try:
        text = textwrap.dedent(inspect.getsource(what))
    except (OSError, TypeError):
        return None
    name = what.__name__ if isinstance(what, type) else what.co_name
    if name == "<lambda>":
        return text
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return None
    return text if body and getattr(body[0], "name", None) == name else None


def _named(what: Any) -> str:
    """Of a library with its version; of the author's own without the module, which may be called otherwise tomorrow."""
    if _is_library(what.__module__):
        return f"{_library(what.__module__)} {what.__qualname__}"
    return str(what.__qualname__)


@functools.cache
def _library(module: str) -> str:
    name = module.partition(".")[0]
    top = sys.modules.get(name)
    version = getattr(top, "__version__", None)
    return f"{module} {version}" if isinstance(version, str) else module


@functools.cache
def _is_library(module: str | None) -> bool:
    """Whether a module is Python's own, this package's, or installed: code that its user does not write."""
    if module is None:
        return True
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "journeyman":
        return top != "__main__"
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return False
    folders = Path(file).parts
    return "site-packages" in folders or "dist-packages" in folders


def _path(path: Path) -> Iterator[str]:
    """A file by its content, a folder by its files; what is not there by its name."""
    if path.is_file():
        yield f"file {path.name}"
        yield _content(path, *_state(path))
    elif path.is_dir():
        yield f"folder {path.name}"
        for file in sorted(path.rglob("*")):
            if file.is_file():
                yield str(file.relative_to(path))
                yield _content(file, *_state(file))
    else:
        yield f"no file {path}"


def _state(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


@functools.lru_cache(maxsize=4096)
def _content(file: Path, size: int, changed: int) -> str:
    """A file's hash, read again once its size or time has changed."""
    del size, changed
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _unknown(value: object) -> InputError:
    shown = repr(value)
    return InputError(f"Nothing tells {shown[:120]} apart from another of its kind.", HINT)
