"""Headers of answers that browsers may keep, and of pages, which may do more than answers of the API."""

from app.middleware.security_headers import HEADERS, POLICY

CACHE = "Cache-Control"


def page_headers(policy: str | None = None, *, cache: str = "private, no-cache") -> dict[str, str]:
    """The headers that every answer has, with a policy and a rule for caches of its own.

    :param policy: by default that of all answers.
    """
    own = dict(HEADERS) | {CACHE: cache}
    return own if policy is None else own | {POLICY: policy}
