"""Recording the filters and provider contexts that captured objects refer to.

They contain the names of rules and policies (`bindings.rule_names`). Here they are only looked up,
and their number is bounded; `bindings.capture.record` enumerates the provider contexts of tunnels.
Only what `bindings.policy` reads is recorded: no conditions and, of a policy, only the flags,
endpoints and idle timeouts of a tunnel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from bindings._fwpuclnt import ffi
from bindings.capture.file import Line
from bindings.capture.walk import walk
from bindings.errors import EngineError, NotFound, NotSupported, reading
from bindings.indirect_strings import display_name
from bindings.policy import NEWEST
from bindings.rule_names import ContextId, ContextKey, FilterId, Reference
from bindings.session import Session


MAX_REFERENCES: Final = 16_384
"""Maximum number of filter ids, of provider context ids and of their keys that are looked up."""

FILTERS: Final = {"FwpmFilterGetById0": "FWPM_FILTER0"}
CONTEXTS_BY_ID, CONTEXTS_BY_KEY = (
    {
        f"FwpmProviderContextGet{by}{generation}": f"FWPM_PROVIDER_CONTEXT{generation}"
        for generation in reversed(range(NEWEST + 1))
    }
    for by in ("ById", "ByKey")
)
"""The functions that look objects up, newest first, with the structs that they return."""

_FILTER_FIELDS: Final = frozenset(
    (
        *("filterKey", "displayData", "flags", "providerKey", "layerKey", "subLayerKey"),
        *("action", "providerContextKey", "filterId", "effectiveWeight"),
    )
)
_REFERENCES: Final[dict[str, type[Reference]]] = {
    **dict.fromkeys(("ipsecFilterId", "qmFilterId", "authIpFilterId"), FilterId),
    **dict.fromkeys(("mmFilterId", "filterId"), FilterId),
    "tunnelPolicyId": ContextId,
    **dict.fromkeys(("providerContextKey", "mmProviderContextKey", "ikePolicyKey"), ContextKey),
}
"""The fields of captured structs that refer to filters or provider contexts."""

_NO_KEY: Final = str(UUID(int=0))


class References:
    """The references in captured objects, each once, in the order in which they were found."""

    def __init__(self) -> None:
        """Create a set without references."""
        self._found: dict[type[Reference], dict[Any, None]] = {
            kind: {} for kind in _REFERENCES.values()
        }

    def add_from(self, value: Any) -> None:
        """Add those in a struct, as `walk` returns it; at most `MAX_REFERENCES` of each kind."""
        for name, each in value.items():
            if isinstance(each, dict):
                self.add_from(each)
            elif isinstance(each, list):
                for item in each:
                    if isinstance(item, dict):
                        self.add_from(item)
            elif name in _REFERENCES and each and each != _NO_KEY:
                found = self._found[_REFERENCES[name]]
                if len(found) < MAX_REFERENCES:
                    found[each] = None

    def of(self, kind: type[Reference]) -> list[Any]:
        """Return the ids or keys of one kind."""
        return [*self._found[kind]]


def record_policy(session: Session, references: References) -> Iterator[Line]:
    """Yield the filters and provider contexts that are referred to; the value is None if not found.

    Args:
        session: an open session.
        references: receives those of the filters to provider contexts, too.
    """
    for line in _looked_up(session, FILTERS, references.of(FilterId), _FILTER_FIELDS):
        if line.get("value") is not None:
            references.add_from(line["value"])
        yield line
    yield from _looked_up(session, CONTEXTS_BY_ID, references.of(ContextId))
    yield from _looked_up(session, CONTEXTS_BY_KEY, references.of(ContextKey))


def _looked_up(
    session: Session,
    functions: dict[str, str],
    arguments: Sequence[int | str],
    fields: frozenset[str] | None = None,
) -> Iterator[Line]:
    """Look objects up with the newest function that the engine has, until it fails."""
    for function, struct in functions.items():
        try:
            for argument in arguments:
                value = _object(session, function, struct, argument, fields)
                yield {"function": function, "argument": argument, "struct": struct, "value": value}
        except EngineError as error:
            yield {"function": error.function, "error": error.code}
            if isinstance(error, NotSupported):
                continue
        return


def _object(
    session: Session,
    function: str,
    struct: str,
    argument: int | str,
    fields: frozenset[str] | None,
) -> dict[str, Any] | None:
    identifier: Any = argument
    if isinstance(argument, str):
        identifier = ffi.new("GUID *")
        ffi.buffer(identifier)[:] = UUID(argument).bytes_le
    with session.result(f"{struct} **") as found:
        try:
            session.call(function, identifier, found)
        except NotFound:
            return None
        if not found[0]:  # the call succeeded, but returned no object
            return None
        with reading(function):
            value = walk(struct, int(ffi.cast("uintptr_t", found[0])), fields)
    resolve_names(value)
    return value


def resolve_names(value: dict[str, Any]) -> None:
    """Resolve the indirect strings in a filter or provider context, as the server shows them."""
    names = value["displayData"]
    value["displayData"] = {name: display_name(text) for name, text in names.items()}
