"""NAT traversal, as clients see it."""

from app.schemas.base import Shape, Uint16


class UdpEncapsulation(Shape):
    """IPSEC_V4_UDP_ENCAPSULATION0: the ports of NAT traversal."""

    local_udp_encap_port: Uint16
    remote_udp_encap_port: Uint16
