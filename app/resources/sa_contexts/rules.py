"""The name of the rule or policy that an SA comes from.

Usually it is the name of the SA's transport filter. An SA without one has ids instead: of the
transport layer filter or, in tunnel mode, of the policy, and of the quick mode filter. Their names
are looked up (`bindings.rule_names`). An `ipsecFilterId` is the id that the filter got when it was
added (learn.microsoft.com/windows/win32/fwp/manual-sa).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bindings.enums import TrafficType
from bindings.indirect_strings import display_name
from bindings.memory import RawTree
from bindings.records import SaDetails
from bindings.rule_names import UNKNOWN, ContextId, FilterId, PolicyName, Reference
from bindings.tree import unnamed_rules


Lookup = Callable[[Reference], PolicyName]
"""Returns the name of a filter or a policy; `bindings.rule_names.NameLookup` is one."""

_TRANSPORT: Final = int(TrafficType.TRANSPORT)


def no_names(_reference: Reference) -> PolicyName:
    """Return `UNKNOWN` for any reference."""
    return UNKNOWN


def rule_name(details: SaDetails, lookup: Lookup) -> str | None:
    """Return the name of an SA's rule; None if it is unknown."""
    rule, traffic = details.transport_filter, details.traffic
    if rule is not None and rule.name is not None:
        return display_name(rule.name)
    qm_filter_id = details.sa_bundle.qm_filter_id
    return _looked_up(lookup, traffic.traffic_type, traffic.policy_id, qm_filter_id)


def looked_up_names(context: RawTree, lookup: Lookup) -> list[str | None]:
    """Return the names that `rule_name` looks up for the SAs of a context, in their order."""
    rules = unnamed_rules(context)
    return [_looked_up(lookup, *ids) for ids in rules] if rules else []


def _looked_up(
    lookup: Lookup, traffic_type: int, policy_id: int | None, qm_filter_id: int | None
) -> str | None:
    name = None
    if policy_id:
        reference = FilterId if traffic_type == _TRANSPORT else ContextId
        name = lookup(reference(policy_id)).text
    if name is None and qm_filter_id:
        name = lookup(FilterId(qm_filter_id)).text
    return name
