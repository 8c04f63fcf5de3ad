"""External data of ONNX graphs: tensors stored in another file."""

import re

# The key of a tensor's external location, as protobuf writes it, and in the longer encodings of its two
# numbers that protobuf also reads: bits beyond the 32nd are dropped.
EXTERNAL_DATA = re.compile(rb"(?:\x0a|\x8a\x80*[\x00-\x7f])(?:\x08|\x88\x80*[\x00-\x7f])location")


def refers_outside(content: bytes) -> bool:
    """True if an ONNX graph has external data."""
    return b"location" in content and EXTERNAL_DATA.search(content) is not None  # `in` is faster
