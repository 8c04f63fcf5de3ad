"""How much of a request has arrived, and whether the loop may answer it."""

import re

# Bytes: the longest request answered in the loop. 100 rows of 20 numbers are 40 kB, and through a thread they
# cost a third more.
IN_PLACE = 128 * 1024
LONGEST_HEAD = 16 * 1024
END_OF_HEAD = b"\r\n\r\n"

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d{1,9})", re.IGNORECASE)
# An operator's call may load a model, or wait for the other workers.
ADMINISTRATIVE = re.compile(rb"(?:POST|PUT|PATCH|DELETE) \S*/models[/?](?!\S*/predict[ ?/])", re.IGNORECASE)
END_UNKNOWN = re.compile(rb"^\s|^$|\r\n(?:transfer-encoding|expect):", re.IGNORECASE)


def body_length(head: bytes) -> int | None:
    """Bytes of the body that this head announces, or None if a thread is to find out.

    This decides where a request is answered, not how it is read: for that gunicorn's word counts.
    """
    if END_UNKNOWN.search(head) or ADMINISTRATIVE.match(head):
        return None
    length = CONTENT_LENGTH.search(head)
    return int(length[1]) if length else 0


def missing(data: bytes) -> int | None:
    """How many bytes these lack at least to be a request, 0 if they are one or the end of a connection.

    None if it cannot be told, or the request is too long.
    """
    head, end, body = data.partition(END_OF_HEAD)
    if not end:
        return min(1, len(data)) if len(data) < LONGEST_HEAD else None
    length = body_length(head)
    if length is None:
        return None
    lacking = max(0, length - len(body))
    return lacking if len(data) + lacking <= IN_PLACE else None
