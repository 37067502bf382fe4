"""Whether the main mode SA of a context has ended, as far as the engine's main mode SAs show it.

IKEv2 rekeys a main mode SA by creating another one between the same hosts, to which all child SAs
then belong (RFC 7296, 2.8). It is undocumented which of the two the contexts of these child SAs
name from then on. Therefore a missing main mode SA proves nothing by itself: it is known to have
ended only if IKEv2 has no other main mode SA with the same peer. After a rekey, there would be one,
because the old one is deleted last.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from ipaddress import ip_network
from typing import Final, NamedTuple

from app.repository.query.filters import Key
from app.resources.ike_sas.kind import IkeSaSelection
from app.resources.sa_contexts.index import PORT_BYTES, reader
from bindings.call_notes import NOTES
from bindings.engine import Engine
from bindings.enums import KeyModule
from bindings.errors import EngineBusy, EngineError, IkeextNotRunning, NotFound, ResourceUnreadable
from bindings.ike_records import IkeSa
from bindings.ike_sas import IkeSas
from bindings.template import SubnetTemplate


MAX_READS: Final = 250
"""Maximum number of main mode SAs to read for the changes of one revision, one call each."""
MAX_LISTINGS: Final = 100
"""Maximum number of peers whose main mode SAs are listed for the changes of one revision."""
MAX_LISTED: Final = 1000
"""Maximum number of main mode SAs in one listing, which takes one call for 100, and two more."""

_IPV4_BYTES: Final = 4
_REMOTES: Final = reader("remote", "udp_ports")


class Remote(NamedTuple):
    """A remote end of SAs.

    Attributes:
        address: the packed address.
        udp_port: the port if ESP is encapsulated in UDP: behind a NAT, each client has its own.
            0: it is not, or the port is unknown.
    """

    address: bytes
    udp_port: int

    def may_be(self, other: Remote) -> bool:
        """Return whether both may be the same end."""
        is_same_port = 0 in {self.udp_port, other.udp_port} or self.udp_port == other.udp_port
        return self.address == other.address and is_same_port


def remotes_of(key: Key) -> set[Remote]:
    """Return the remote ends of a context, given its index key; an empty one is unknown."""
    records = _REMOTES(key) if key else ()
    return {
        Remote(remote, int.from_bytes(ports[PORT_BYTES:])) for remote, ports in records if remote
    }


class MainModes:
    """Reads the main mode SAs of contexts that have ended, each once. Belongs to one thread.

    It uses the session of the SA contexts, because ids mean something only within it.
    """

    def __init__(self, engine: Engine) -> None:
        """Prepare to read at most `MAX_READS` and `MAX_LISTINGS`.

        Args:
            engine: reads the SA contexts.
        """
        self._engine = engine
        self._are_gone: dict[int, bool] = {}
        self._listings: dict[SubnetTemplate | None, set[Remote] | None] = {}

    def gone(self, ids: tuple[int, ...], remotes: Iterable[Remote]) -> int | None:
        """Return the last of these ids if the main mode SA of a context is known to have ended.

        Args:
            ids: the ids of the context's main mode SAs.
            remotes: its remote ends.
        """
        if not ids or not all(map(self._is_gone, ids)):
            return None
        ends = [*remotes]
        return ids[-1] if ends and not any(map(self._may_have_another, ends)) else None

    def _is_gone(self, id_: int) -> bool:
        if id_ not in self._are_gone and len(self._are_gone) < MAX_READS:
            self._are_gone[id_] = self._is_missing(id_)
        return self._are_gone.get(id_, False)

    def _is_missing(self, id_: int) -> bool:
        incarnation = self._engine.incarnation
        try:
            with NOTES.reading(IkeSaSelection.LIST):
                self._engine.with_ike_sas(lambda ike_sas: ike_sas.read(id_))
        except (NotFound, IkeextNotRunning):
            return self._engine.incarnation == incarnation
        except (EngineError, EngineBusy, ResourceUnreadable):
            return False
        return False

    def _may_have_another(self, remote: Remote) -> bool:
        """Return whether IKEv2 may have a main mode SA with a remote end."""
        found = self._listed(remote.address)
        return found is None or any(map(remote.may_be, found))

    def _listed(self, address: bytes) -> set[Remote] | None:
        """Return the remote ends of IKEv2's main mode SAs with an address; None if unknown.

        With IPv6, they are those of all main mode SAs: in templates, its byte order is uncertain.
        """
        is_ipv4 = len(address) == _IPV4_BYTES
        template = SubnetTemplate(remote=ip_network(address)) if is_ipv4 else None
        if template not in self._listings and len(self._listings) < MAX_LISTINGS:
            self._listings[template] = self._list(template)
        return self._listings.get(template)

    def _list(self, template: SubnetTemplate | None) -> set[Remote] | None:
        incarnation = self._engine.incarnation
        try:
            with NOTES.reading(IkeSaSelection.LIST):
                found = self._engine.with_ike_sas(lambda ike_sas: _remotes_in(ike_sas, template))
        except IkeextNotRunning:
            found = set()
        except (EngineError, EngineBusy, ResourceUnreadable):
            return None
        return found if self._engine.incarnation == incarnation else None


def _remotes_in(ike_sas: IkeSas, template: SubnetTemplate | None) -> set[Remote] | None:
    """Return the remote ends of IKEv2's main mode SAs; None if there are more than `MAX_LISTED`."""
    found, count = set[Remote](), 0
    with closing(ike_sas.pages(template)) as pages:
        for page in pages:
            count += len(page)
            if count > MAX_LISTED:
                return None
            found |= {_remote_of(sa) for sa in page if sa.key_module_type == KeyModule.IKEV2}
    return found


def _remote_of(sa: IkeSa) -> Remote:
    udp = sa.v4_udp_encapsulation
    return Remote(
        sa.ike_traffic.remote_address or b"", 0 if udp is None else udp.remote_udp_encap_port
    )
