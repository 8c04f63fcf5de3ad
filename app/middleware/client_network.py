"""Client network: the IPv4 address, or the IPv6 network of 64 bits, whose clients count as one."""

from functools import lru_cache
from ipaddress import IPv6Address


@lru_cache(maxsize=4096)
def client_network(client_ip: str) -> str:
    """The client's IPv4 address, or its IPv6 /64, because one subscriber has all of that to itself."""
    try:
        whole = IPv6Address(client_ip.partition("%")[0])
    except ValueError:  # IPv4, or no address
        return client_ip[:64]
    return str(whole.ipv4_mapped or IPv6Address(int(whole) >> 64 << 64))
