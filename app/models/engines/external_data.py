"""External data of ONNX graphs: numbers that lie in another file."""

import re

# The key under which an ONNX tensor says that its numbers lie in another file, as protobuf writes it, and in
# the longer forms of the same two numbers that protobuf reads: it drops what is beyond 32 bits.
EXTERNAL_DATA = re.compile(rb"(?:\x0a|\x8a\x80*[\x00-\x7f])(?:\x08|\x88\x80*[\x00-\x7f])location")


def refers_outside(content: bytes) -> bool:
    """Whether numbers of an ONNX graph lie in another file."""
    return b"location" in content and EXTERNAL_DATA.search(content) is not None  # the first is quicker
