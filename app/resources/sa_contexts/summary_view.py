"""The view `summary`: a context as one flat object, cut out of its JSON text.

Parsing the text would take five times as long. As in `views`, the byte sequences that are searched
for occur only as member names, because quotes inside JSON strings are escaped. The members of a
context are searched for in their order (`encoding`), so each search is short.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import orjson

from app.resources.sa_contexts.protection import protection_of
from app.schemas.names import SaContextState, Weakness


_CONTEXT: Final = b'{"saContextId":"'
_INBOUND: Final = b'","inboundSa":'
_OUTBOUND: Final = b',"outboundSa":'
_OBJECT: Final = b"{"
_NULL: Final = b"null"
_WEAKNESSES: Final = b'"weaknesses":['
_RULE_NAME: Final = b'],"ruleName":'
_REMOTE_PORT: Final = b',"remotePort":'
_IDENTITY: Final = b'"ipsecId":'
_SA_LIST: Final = b'"saList":['
_UDP: Final = b'},"udpEncapsulation":'
_NO_UDP: Final = b'"localUdpEncapPort":null,"remoteUdpEncapPort":null'

_STATES: Final = {
    (True, True): SaContextState.COMPLETE,
    (True, False): SaContextState.INBOUND_ONLY,
    (False, True): SaContextState.OUTBOUND_ONLY,
    (False, False): SaContextState.NO_SA,
}
"""The state of a context, by whether it has an inbound and an outbound SA."""

_NO_SA: Final = (
    b'"localAddress":null,"remoteAddress":null,"trafficType":null,"ipProtocol":null,'
    b'"localPort":null,"remotePort":null,"protection":null,"pfsGroup":null,"weaknesses":[],'
    b'"localUdpEncapPort":null,"remoteUdpEncapPort":null,"principalName":null,"ruleName":null'
)


def summary_view(texts: bytes) -> bytes:
    """Convert the JSON of one or more contexts to `SummarizedSaContext` objects."""
    before, *contexts = texts.split(_CONTEXT)
    return before + b"".join(map(_summarized, contexts))


def _summarized(text: bytes) -> bytes:
    """Return the summary of a context and what follows it.

    Args:
        text: the JSON of the context, beginning with its id, and the text up to the next context.
    """
    id_end = text.index(b'"')
    inbound = id_end + len(_INBOUND)
    outbound = text.index(_OUTBOUND, inbound) + len(_OUTBOUND)
    has_inbound, has_outbound = (text.startswith(_OBJECT, at) for at in (inbound, outbound))
    members = _NO_SA
    if has_inbound or has_outbound:
        members = _members(text, outbound if has_outbound else inbound, inbound)
    state = _STATES[has_inbound, has_outbound].encode()
    after = text[text.rindex(b"}") + 1 :]
    return b'%b%b","state":"%b",%b}%b' % (_CONTEXT, text[:id_end], state, members, after)


def _members(text: bytes, sa: int, first: int) -> bytes:
    """Return the members that describe an SA.

    Args:
        text: the JSON of the context.
        sa: the offset of the SA.
        first: the offset of the inbound SA, whose weaknesses are added.
    """
    find = text.index
    weaknesses_end = find(_RULE_NAME, sa)
    weaknesses = text[find(_WEAKNESSES, sa) + len(_WEAKNESSES) : weaknesses_end]
    if first != sa and text.startswith(_OBJECT, first):
        others = text[find(_WEAKNESSES, first) + len(_WEAKNESSES) : find(_RULE_NAME, first)]
        if others != weaknesses:
            weaknesses = _union(weaknesses, others)
    traffic = find(b',"traffic":', weaknesses_end)
    ends = find(b'"localAddress":', traffic)
    ports = find(_REMOTE_PORT, ends)
    bundle = find(b'},"saBundle":', ports)
    remote_port, _, others = text[ports + len(_REMOTE_PORT) : bundle].partition(b",")
    identity = find(_IDENTITY, bundle)
    identity_end = find(b',"napContext":', identity)
    sa_list = find(_SA_LIST, identity_end) + len(_SA_LIST)
    sa_list_end = find(b'],"keyModuleState":', sa_list)
    pfs = find(b'"pfsGroup":', sa_list_end)
    udp = find(_UDP, pfs)
    ports_of_udp = text[udp + len(_UDP) : find(b',"transportFilter":', udp)]
    return (
        b'%b,%b,%b,"protection":%b,%b,"weaknesses":[%b],%b,"principalName":%b,"ruleName":%b'
    ) % (
        text[ends:ports],
        _protocol_and_port(others),
        b'"remotePort":' + remote_port,
        _protection(text[sa_list:sa_list_end]),
        text[pfs:udp].partition(b',"saLookupContext":')[0],
        weaknesses,
        _NO_UDP if ports_of_udp == _NULL else ports_of_udp[1:-1],
        _principal_name(text[identity + len(_IDENTITY) : identity_end]),
        text[weaknesses_end + len(_RULE_NAME) : traffic],
    )


@lru_cache(maxsize=1024)
def _union(*lists: bytes) -> bytes:
    """Return the weaknesses of all lists, without brackets, in the order of `Weakness`."""
    found = {name for each in lists for name in orjson.loads(b"[%b]" % each)}
    return orjson.dumps([weakness for weakness in Weakness if weakness in found])[1:-1]


def _protocol_and_port(traffic: bytes) -> bytes:
    """Return the protocol and the local port; both are null if the engine does not report them."""
    start = traffic.find(b'"localPort":')
    if start < 0:
        return b'"ipProtocol":null,"localPort":null'
    port, _, rest = traffic[start:].partition(b",")
    return rest.partition(b",")[0] + b"," + port


def _protection(sa_list: bytes) -> bytes:
    """Return the protection by the SAs of a list, given without brackets, as JSON."""
    transform = sa_list.partition(b'"transform":')[2]
    if b'"transform":' in transform:
        return orjson.dumps(protection_of(orjson.loads(b"[%b]" % sa_list)))
    return _words(transform)


@lru_cache(maxsize=1024)
def _words(transform: bytes) -> bytes:
    """Return the protection by the only SA of a list. Cached, as a host has few transforms.

    Args:
        transform: the SA's transform and `}`; empty if the list is.
    """
    sa_list = [orjson.loads(b'{"transform":%b' % transform)] if transform else []
    return orjson.dumps(protection_of(sa_list))


def _principal_name(identity: bytes) -> bytes:
    """Return the user's name or else the machine's; null if the identity has neither."""
    machine, _, rest = identity.partition(b',"emTargetName":')
    for name in (rest.partition(b',"tokens":')[0], machine.removeprefix(b'{"mmTargetName":')):
        if name.startswith(b'"') and name != b'""':
            return name
    return _NULL
