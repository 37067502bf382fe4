"""Connections as JSON (`app.resources.connections.schema`)."""

from __future__ import annotations

from typing import Any

import orjson

from app.resources.wfp.addresses import address_text
from app.resources.wfp.filetimes import moment_of
from app.resources.wfp.ikeext_encoding import render_credential, render_proposal
from app.resources.wfp.names import (
    IP_VERSION,
    IPSEC_TRAFFIC_MODE_TYPE,
    KEY_MODULE,
)
from bindings.connections import Connection


def encode_connection(connection: Connection) -> bytes:
    """Encode a connection as JSON."""
    return orjson.dumps(render_connection(connection), option=orjson.OPT_UTC_Z)


def render_connection(connection: Connection) -> dict[str, Any]:
    """Return a connection as a `Connection` object."""
    return {
        "connectionId": str(connection.connection_id),
        **IP_VERSION[connection.ip_version],
        "localAddress": address_text(connection.local_address),
        "remoteAddress": address_text(connection.remote_address),
        "providerKey": connection.provider_key,
        **IPSEC_TRAFFIC_MODE_TYPE[connection.ipsec_traffic_mode_type],
        **KEY_MODULE[connection.key_module_type],
        "mmCrypto": render_proposal(connection.mm_crypto),
        "mmPeer": render_credential(connection.mm_peer),
        "emPeer": render_credential(connection.em_peer),
        "bytesTransferredIn": str(connection.bytes_transferred_in),
        "bytesTransferredOut": str(connection.bytes_transferred_out),
        "bytesTransferredTotal": str(connection.bytes_transferred_total),
        "startSysTime": moment_of(connection.started),
    }
