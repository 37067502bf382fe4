"""Arbitrary main mode SAs in C memory, as `trees` makes SA contexts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bindings._fwpuclnt import ffi

from .ike_second_reader import CERTIFICATE_METHODS, NAME_METHODS, PRESHARED_KEY, RESERVED
from .trees import Growth, Tree, known


V4 = 0  # FWP_IP_VERSION_V4


def ike_trees(generation: int = 2, *, copyable: bool = False) -> st.SearchStrategy[Tree]:
    """Main mode SAs of any content; the arguments are those of `trees`."""

    @st.composite
    def grown(draw: st.DrawFn) -> Tree:
        tree = Tree(generation, struct="IKEEXT_SA_DETAILS")
        _IkeGrowth(draw, tree, copyable=copyable).sa()
        return tree

    return grown()


class _IkeGrowth(Growth):
    """The drawing of one tree, struct by struct."""

    def sa(self) -> None:
        sa, generation = self._tree.context, self._tree.generation
        ffi.memmove(sa, self._bytes(ffi.sizeof(sa[0])), ffi.sizeof(sa[0]))
        sa.saId = self._draw(st.integers(1, 2**64 - 1))
        sa.keyModuleType = self._draw(known("IKEEXT_KEY_MODULE_TYPE"))
        sa.ipVersion = self._draw(known("FWP_IP_VERSION"))
        sa.ikeTraffic.ipVersion = self._draw(known("FWP_IP_VERSION"))
        if sa.ipVersion == V4:
            sa.v4UdpEncapsulation = self._perhaps(
                lambda: self._filled("IPSEC_V4_UDP_ENCAPSULATION0")
            )
        else:
            sa.v4UdpEncapsulation = self._nowhere("IPSEC_V4_UDP_ENCAPSULATION0")
        credentials = sa.ikeCredentials
        credentials.numCredentials, credentials.credentials = self._list(
            f"IKEEXT_CREDENTIAL_PAIR{generation}", 3
        )
        for i in range(credentials.numCredentials if credentials.credentials else 0):
            self._grow_credential(credentials.credentials[i].localCredentials)
            self._grow_credential(credentials.credentials[i].peerCredentials)
        if generation:
            self._hide(sa.correlationKey)

    def _grow_credential(self, credential: Any) -> None:
        credential.authenticationMethodType = self._draw(known("IKEEXT_AUTHENTICATION_METHOD_TYPE"))
        method, generation = credential.authenticationMethodType, self._tree.generation
        credential.impersonationType = self._draw(known("IKEEXT_AUTHENTICATION_IMPERSONATION_TYPE"))
        if method in CERTIFICATE_METHODS:
            credential.certificate = self._perhaps(self._certificate)
        elif method in NAME_METHODS or (method == RESERVED and generation == 2):
            credential.name = self._perhaps(self._name)
        elif method == PRESHARED_KEY:
            credential.presharedKey = self._perhaps(self._preshared_key)
        else:
            credential.name = self._nowhere("IKEEXT_NAME_CREDENTIAL0")

    def _certificate(self) -> Any:
        generation = min(self._tree.generation, 1)
        certificate = self._filled(f"IKEEXT_CERTIFICATE_CREDENTIAL{generation}")
        for blob in certificate.subjectName, certificate.certHash:
            blob.size, blob.data = self._list("UINT8", 40)
        if generation:
            self._hide(certificate.certificate)
        return certificate

    def _name(self) -> Any:
        name = self._filled("IKEEXT_NAME_CREDENTIAL0")
        name.principalName = self._text()
        return name

    def _preshared_key(self) -> Any:
        generation = min(self._tree.generation, 1)
        key = self._filled(f"IKEEXT_PRESHARED_KEY_AUTHENTICATION{generation}")
        self._hide(key.presharedKey)
        return key
