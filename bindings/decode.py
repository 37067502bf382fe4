"""Decoding SA contexts: from the raw trees of `bindings.tree` to records."""

from __future__ import annotations

from bindings.filters import decode_filter
from bindings.guid import guid_text, well_known_guid_text
from bindings.memory import RawTree
from bindings.records import (
    AuthTransform,
    CipherTransform,
    Identity,
    Lifetime,
    Sa,
    SaBundle,
    SaContext,
    SaDetails,
    Token,
    Traffic,
    UdpEncapsulation,
    VirtualIfTunnelInfo,
)


def decode_sa_context(context: RawTree) -> SaContext:
    """Decode a copied context. Fields that only generation 1 has are None for generation 0."""
    context_id, inbound, outbound = context
    return SaContext(
        context_id,
        None if inbound is None else _details(inbound),
        None if outbound is None else _details(outbound),
    )


def _details(tree: RawTree) -> SaDetails:
    ip_version, direction, traffic, bundle, udp, transport_filter, tunnel = tree
    return SaDetails(
        ip_version,
        direction,
        Traffic._make(traffic),
        _bundle(bundle),
        None if udp is None else UdpEncapsulation._make(udp),
        None if transport_filter is None else decode_filter(transport_filter),
        None if tunnel is None else VirtualIfTunnelInfo._make(tunnel),
    )


def _bundle(tree: RawTree) -> SaBundle:
    (
        flags,
        lifetime,
        idle_timeout,
        nd_allow_clear_timeout,
        ipsec_id,
        nap_context,
        qm_sa_id,
        sa_list,
        key_module_key,
        ip_version,
        peer_private,
        mm_sa_id,
        pfs_group,
        lookup_context,
        qm_filter_id,
    ) = tree
    return SaBundle(
        flags,
        Lifetime._make(lifetime),
        idle_timeout,
        nd_allow_clear_timeout,
        None if ipsec_id is None else _identity(ipsec_id),
        nap_context,
        qm_sa_id,
        tuple([_sa(*sa) for sa in sa_list]),
        None if key_module_key is None else well_known_guid_text(key_module_key),
        ip_version,
        peer_private,
        mm_sa_id,
        pfs_group,
        None if lookup_context is None else guid_text(lookup_context),
        qm_filter_id,
    )


def _sa(spi: int, transform_type: int, auth: RawTree | None, cipher: RawTree | None) -> Sa:
    return Sa(
        spi,
        transform_type,
        None if auth is None else _auth_transform(*auth),
        None if cipher is None else _cipher_transform(*cipher),
    )


def _auth_transform(auth_type: int, auth_config: int, module: bytes | None) -> AuthTransform:
    return AuthTransform(
        auth_type, auth_config, None if module is None else well_known_guid_text(module)
    )


def _cipher_transform(
    cipher_type: int, cipher_config: int, module: bytes | None
) -> CipherTransform:
    return CipherTransform(
        cipher_type, cipher_config, None if module is None else well_known_guid_text(module)
    )


def _identity(tree: RawTree) -> Identity:
    mm_target_name, em_target_name, tokens = tree
    return Identity(mm_target_name, em_target_name, tuple([Token._make(token) for token in tokens]))
