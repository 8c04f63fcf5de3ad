"""Open metrics: ``/metrics`` without a key, for clients on the networks of ``METRICS_ALLOW_PRIVATE``."""

from ipaddress import ip_address

from flask import current_app, request

METRICS_ENDPOINT = "metrics.metrics"
# Headers by which a proxy shows itself. One that sends none of them is taken for its clients, which is why
# only addresses and networks that an operator names are open.
PROXY_HEADERS = frozenset(
    f"HTTP_{name}"
    for name in (
        *("FORWARDED", "VIA", "X_FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PROTO"),
        *("X_FORWARDED_PORT", "X_FORWARDED_SERVER", "X_FORWARDED_PREFIX", "X_REAL_IP", "X_CLIENT_IP"),
        *("CF_CONNECTING_IP", "TRUE_CLIENT_IP", "X_CLUSTER_CLIENT_IP", "X_ORIGINAL_FORWARDED_FOR"),
        *("X_ENVOY_EXTERNAL_ADDRESS", "X_AMZN_TRACE_ID", "X_CLOUD_TRACE_CONTEXT", "CDN_LOOP"),
    )
)


def open_without_key() -> bool:
    """Whether the request comes from an open network, and no header says that a proxy passed it on."""
    networks = current_app.config["METRICS_ALLOW_PRIVATE"]
    if not networks or not PROXY_HEADERS.isdisjoint(request.environ):
        return False
    try:
        client_ip = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    client_ip = getattr(client_ip, "ipv4_mapped", None) or client_ip
    return any(client_ip in network for network in networks)
