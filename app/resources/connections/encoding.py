"""Connections as JSON (`app.resources.connections.schema`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from app.resources.wfp.addresses import address_text
from app.resources.wfp.ikeext_encoding import render_credential, render_proposal
from app.resources.wfp.names import (
    IP_VERSION,
    IPSEC_TRAFFIC_MODE_TYPE,
    KEY_MODULE,
    TRAFFIC_TYPE,
)
from bindings.connections import Connection


_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_END: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""The last microsecond that has a date of four digits, as RFC 3339 wants it."""


def filetime_text(filetime: int) -> str | None:
    """A FILETIME, 100 ns since 1601-01-01 in UTC, to the microsecond (RFC 3339).

    None for 0, which is no time, and for those after the year 9999.
    """
    microseconds = filetime // 10
    if not filetime or microseconds > _END:
        return None
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


def encode_connection(connection: Connection) -> bytes:
    """The JSON text of one connection."""
    return orjson.dumps(render_connection(connection))


def render_connection(connection: Connection) -> dict[str, Any]:
    """`Connection` of one record, as an object that JSON can say."""
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
        "startSysTime": filetime_text(connection.started),
        "saContextsUrl": _sa_contexts_url(connection),
    }


def _sa_contexts_url(connection: Connection) -> str:
    """The list of the SA contexts with the same ends and the same mode."""
    asked = {
        "localAddress": address_text(connection.local_address),
        "remoteAddress": address_text(connection.remote_address),
        "trafficType": TRAFFIC_TYPE[connection.ipsec_traffic_mode_type]["trafficType"],
    }
    return "/sa-contexts?" + urlencode(
        {name: text for name, text in asked.items() if text}, safe=":"
    )
