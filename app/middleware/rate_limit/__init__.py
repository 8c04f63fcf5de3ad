"""How many requests may one key or one address make?"""

import re

# All of /api/models but the predictions of the models beside the default one.
ADMIN = re.compile(r"/+api/models(?!/[^/]+/predict(/batch|/fast)?$)")
# Probes come often, and from one address for the whole installation.
EXEMPT = frozenset({"/api/health", "/api/health/live", "/api/health/ready", "/ping"})


def is_administrative(path: str) -> bool:
    """Whether a path is that of an operator's call."""
    return ADMIN.match(path) is not None
