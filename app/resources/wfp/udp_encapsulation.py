"""The ports of NAT traversal."""

from app.schemas.base import Shape, Uint16


class UdpEncapsulation(Shape):
    """IPSEC_V4_UDP_ENCAPSULATION0: the UDP ports of NAT traversal (RFC 3948)."""

    local_udp_encap_port: Uint16
    remote_udp_encap_port: Uint16
