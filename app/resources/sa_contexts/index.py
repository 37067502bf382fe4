"""Index keys: the packed fields of a context that filters, counts and rekeys compare.

A key has the records, the names that they refer to, and one byte: the number of records. A
direction of a context usually has one record. A hundred thousand keys need little memory and can
be scanned quickly: a reader unpacks only the fields that it is created for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct, calcsize
from typing import Any, Final

from app.repository.query.filters import Key
from app.resources.sa_contexts.rules import Lookup, no_names, rule_name
from app.resources.sa_contexts.suites import suite_of
from app.resources.wfp.indexed_names import NameKind, pack_name, pack_names
from app.schemas.names import Baseline
from bindings.records import SaBundle, SaContext, SaDetails


SPI_BYTES: Final = 4
PORT_BYTES: Final = 2
SPIS: Final = 2
"""The number of SPIs in a record."""
MAX_RECORDS: Final = 127
"""Maximum number of records of one direction; a bundle should have two SPIs, which need one."""

_FIELDS: Final = {
    "suite": "I",
    "local": "17p",
    "remote": "17p",
    "mm_sa_id": "Q",
    "qm_filter_id": "9p",
    "udp_ports": "5p",
    "spis": "9p",
    "names_start": "I",
    "names_end": "I",
}
_RECORD: Final = Struct("<" + "".join(_FIELDS.values()))


RECORD_BYTES: Final = _RECORD.size


def reader(*fields: str) -> Callable[[Key], Iterator[tuple[Any, ...]]]:
    """Return a function that yields some fields of each record of a key; see `unpacker`."""
    unpack = unpacker(*fields)
    return lambda key: unpack(key[: key[-1] * RECORD_BYTES])


def unpacker(*fields: str) -> Callable[[bytes], Iterator[tuple[Any, ...]]]:
    """Return a function that yields some fields of each record of consecutive records.

    The last byte of a key is the number of records, with which the key begins. The values are in
    the order of this list, whatever the order of the arguments. Packed numbers are in network
    order, and empty if the context has none.

    - `suite`: the suite's number in `suites.SUITES`
    - `local`, `remote`: the packed addresses, in network order; empty if absent
    - `mm_sa_id`: the main mode SA's id; 0 if it is not set
    - `qm_filter_id`: the packed quick mode filter's id; structs of generation 0 lack it
    - `udp_ports`: the packed local and remote port of UDP encapsulation
    - `spis`: at most `SPIS` packed SPIs
    - `names_start`, `names_end`: the slice of the key that has the names (see
      `app.resources.wfp.indexed_names`)
    """
    formats = [
        format_ if name in fields else f"{calcsize('<' + format_)}x"
        for name, format_ in _FIELDS.items()
    ]
    return Struct("<" + "".join(formats)).iter_unpack


_REMOTES: Final = reader("remote")
_PAIR: Final = Struct(
    "<" + "".join(f if n == "remote" else f"{calcsize('<' + f)}x" for n, f in _FIELDS.items()) * 2
)


def remote_addresses(key: Key) -> tuple[bytes, ...]:
    """Return the packed remote addresses of a context: one, rarely two; none if absent.

    This is called for each changed context, so both records of a usual key are read at once.
    """
    if key[-1] == 2:  # noqa: PLR2004  # the usual number of records
        one, other = _PAIR.unpack_from(key)
        if one == other:
            return (one,) if one else ()
    return tuple({remote for (remote,) in _REMOTES(key) if remote})


def index_key(context: SaContext, baseline: Baseline, lookup: Lookup = no_names) -> Key:
    """Return the index key of a context, with its weaknesses judged against a baseline.

    If the context has no SA, because it is half-built or expired, the key has no records.
    """
    directions = [
        (_values(details, baseline), _spis(details.sa_bundle), _names(details, lookup))
        for details in (context.inbound_sa, context.outbound_sa)
        if details is not None
    ]
    count = sum([len(spis) for _, spis, _ in directions])
    end = count * RECORD_BYTES
    records, texts = [], []
    for values, spis, names in directions:
        if names not in texts:  # both directions often have the same names
            texts.append(names)
            end += len(names)
        records += [_RECORD.pack(*values, each, end - len(names), end) for each in spis]
    return b"".join([*records, *texts, count.to_bytes()])


def _values(details: SaDetails, baseline: Baseline) -> tuple[Any, ...]:
    """Return the values of the fields from `suite` to `udp_ports`."""
    traffic, bundle, udp = details.traffic, details.sa_bundle, details.udp_encapsulation
    return (
        suite_of(details, baseline),
        traffic.local_address or b"",
        traffic.remote_address or b"",
        bundle.mm_sa_id,
        b"" if bundle.qm_filter_id is None else bundle.qm_filter_id.to_bytes(8),
        b"" if udp is None else b"".join([port.to_bytes(PORT_BYTES) for port in udp]),
    )


def _spis(bundle: SaBundle) -> list[bytes]:
    """Return the packed SPIs of each record of a direction."""
    spis = [sa.spi.to_bytes(SPI_BYTES) for sa in bundle.sa_list]
    if len(spis) <= SPIS:
        return [b"".join(spis)]
    return [b"".join(spis[at : at + SPIS]) for at in range(0, len(spis), SPIS)][:MAX_RECORDS]


def _names(details: SaDetails, lookup: Lookup) -> bytes:
    identity, rule = details.sa_bundle.ipsec_id, rule_name(details, lookup)
    names = b"" if identity is None else pack_names(NameKind.PRINCIPAL, identity[:2])
    return names if rule is None else names + pack_name(NameKind.RULE, rule)
