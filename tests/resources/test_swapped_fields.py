"""If an encoder took one field for another, `test_json_of_memory` would fail.

Each two members of each object that an encoder builds are swapped in turn, in the running code;
some object in memory must then have other JSON than the second reader finds.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import combinations
from random import Random
from textwrap import dedent
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

import pytest

from app.resources.connections import encoding as connections
from app.resources.ike_sas import encoding as ike_sas
from app.resources.net_events import encoding as net_events
from app.resources.sa_contexts import encoding as sa_contexts
from app.resources.statistics import encoding as statistics
from app.resources.wfp import filter_encoding, ikeext_encoding, names

from .any_memory import AnyMemory
from .json_names import ELSEWHERE
from .test_json_of_memory import KINDS, Kind, theirs


ENCODERS: Final = {
    sa_contexts: ("SaContext",),
    filter_encoding: ("SaContext",),
    names: ("SaContext", "NetEvent"),
    ike_sas: ("IkeSa",),
    ikeext_encoding: ("IkeSa", "Connection"),
    connections: ("Connection",),
    net_events: ("NetEvent",),
    statistics: ("IkeextStatistics",),
}
"""The modules that build JSON, with the schemas of what they build."""

SEEDS: Final = range(100)


class Mutant:
    """A function in which two members are swapped."""

    def __init__(self, function: FunctionType, swapped: str, code: CodeType) -> None:
        self.name = f"{function.__name__}: {swapped}"
        self._function, self._code = function, code

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Run the mutated code wherever the function is called."""
        original = self._function.__code__
        forget()
        self._function.__code__ = self._code
        try:
            yield
        finally:
            self._function.__code__ = original
            forget()


def forget() -> None:
    """Empty the caches of all encoders."""
    for module in ENCODERS:
        for member in vars(module).values():
            if hasattr(member, "cache_clear"):
                member.cache_clear()


def functions_of(module: ModuleType) -> Iterator[FunctionType]:
    """Yield the functions of a module, and those behind its caches."""
    for member in vars(module).values():
        function = inspect.unwrap(member) if callable(member) else None
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            yield function


def mutants_of(module: ModuleType) -> Iterator[Mutant]:
    """Yield a mutant for each pair of members of an object that can be swapped."""
    for function in dict.fromkeys(functions_of(module)):
        tree = ast.parse(dedent(inspect.getsource(function)))
        definition = tree.body[0]
        assert isinstance(definition, ast.FunctionDef)
        if ast.unparse(definition.returns or definition) == "str":
            continue  # not JSON
        definition.decorator_list = []
        for members in [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]:
            for one, other in combinations(range(len(members.keys)), 2):
                if swap(members, one, other):
                    yield Mutant(function, ast.unparse(members), compiled(tree))
                    swap(members, one, other)


def swap(members: ast.Dict, one: int, other: int) -> bool:
    """Swap two values, or the keys of two unpacked tables; return whether that is possible."""
    keys, values = (members.keys[one], members.keys[other]), members.values
    is_named = [key is not None for key in keys]
    if all(isinstance(key, ast.Constant) and key.value in ELSEWHERE for key in keys):
        return False  # other tests assert them
    if all(is_named):
        values[one], values[other] = values[other], values[one]
        return True
    first, second = values[one], values[other]
    if any(is_named) or not (
        isinstance(first, ast.Subscript) and isinstance(second, ast.Subscript)
    ):
        return False
    first.slice, second.slice = second.slice, first.slice
    return True


def compiled(tree: ast.Module) -> CodeType:
    """Compile the only function of a module."""
    code = compile(tree, "<mutant>", "exec")
    (inner,) = (each for each in code.co_consts if isinstance(each, CodeType))
    return inner


@cache
def examples(schema: str) -> list[tuple[Kind, AnyMemory, Any]]:
    """Return objects in memory, with the JSON that the second reader finds."""
    (kind,) = (kind for kind in KINDS if kind.schema == schema)
    memories = (AnyMemory(struct, Random(seed)) for seed in SEEDS for struct in kind.structs)
    return [(kind, memory, theirs(memory)) for memory in memories]


def is_noticed(schemas: tuple[str, ...]) -> bool:
    """Return whether some object has other JSON than it should have."""
    for schema in schemas:
        for kind, memory, expected in examples(schema):
            try:
                if kind.ours(memory) != expected:
                    return True
            except Exception:  # noqa: BLE001  # which any test would notice
                return True
    return False


@pytest.mark.parametrize("module", ENCODERS, ids=lambda module: module.__name__.split(".", 2)[2])
def test_each_two_swapped_members_are_noticed(module: ModuleType) -> None:
    schemas = ENCODERS[module]
    assert not is_noticed(schemas)

    mutants = list(mutants_of(module))
    survivors = []
    for mutant in mutants:
        with mutant.alive():
            if not is_noticed(schemas):
                survivors.append(mutant.name)

    assert survivors == []
    assert mutants
