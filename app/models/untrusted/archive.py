"""Bounded unpacking of a ``.skops`` archive."""

import io
import math
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from app.models.untrusted import Unsound

SCHEMA = "schema.json"
# Bytes; a forest of 100 trees with 50,000 nodes each takes 0.4 GB. Reading holds up to four copies.
MAX_UNPACKED = 1024**3
# Bytes; the schema takes 16 to 21 kB for each tree of an ensemble, and in memory several times that.
MAX_SCHEMA = 128 * 1024**2
# Up to five arrays for each tree.
MAX_MEMBERS = 100_000
# Methods whose inflated size zlib can bound.
METHODS = (ZIP_STORED, ZIP_DEFLATED)
ARRAY, ARCHIVE = b"\x93NUMPY", b"PK"


def unpacked(content: IO[bytes], *, limit: int = MAX_UNPACKED) -> io.BytesIO:
    """The archive uncompressed, with its nested archives (sparse matrices) uncompressed too.

    skops reads only this copy: zipfile inflates a whole member before it cuts it to the announced size.

    :param limit: bytes of all members together.
    :raises Unsound: for an archive that is too large, or announces wrong sizes.
    """
    plain = io.BytesIO()
    with ZipFile(content) as archive, ZipFile(plain, "w", ZIP_STORED) as copy:
        members = archive.infolist()
        _check_sizes(members, limit)
        for member in members:
            inside = _read(archive, member)
            if inside.startswith(ARCHIVE):
                inside = unpacked(io.BytesIO(inside), limit=limit).getvalue()
            elif inside.startswith(ARRAY):  # under any name: the schema decides which files are arrays
                _check_array(member.filename, inside)
            limit -= len(inside)
            copy.writestr(ZipInfo(member.filename), inside)
    plain.seek(0)
    return plain


def _check_sizes(members: list[ZipInfo], limit: int) -> None:
    total = sum(member.file_size for member in members)
    if total > limit:
        raise Unsound(f"it unpacks to {total:,} bytes, {limit:,} are allowed")
    if len(members) > MAX_MEMBERS:
        raise Unsound(f"it holds {len(members):,} files, {MAX_MEMBERS:,} are allowed")
    names = {member.filename for member in members}
    if len(names) < len(members):
        raise Unsound("it holds two files of one name")
    for member in members:
        if member.filename == SCHEMA and member.file_size > MAX_SCHEMA:
            raise Unsound(f"its {SCHEMA} has {member.file_size:,} bytes, {MAX_SCHEMA:,} are allowed")
        if member.compress_type not in METHODS:
            raise Unsound(f"its {member.filename!r} is compressed by another method than deflate")


def _read(archive: ZipFile, member: ZipInfo) -> bytes:
    with archive.open(member) as stream:
        content = stream.read(member.file_size)
    if len(content) != member.file_size:
        raise Unsound(f"its {member.filename!r} has another size than the archive says")
    return content


def _check_array(name: str, content: bytes) -> None:
    """Compare an array's size with its header, because NumPy allocates the announced size first."""
    stream = io.BytesIO(content)
    first = np.lib.format.read_magic(stream) == (1, 0)
    read_header = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    announced, there = math.prod(shape) * max(dtype.itemsize, 1), len(content) - stream.tell()
    if announced != there or min(shape, default=0) < 0:
        raise Unsound(f"its {name!r} announces an array of {announced:,} bytes and holds {there:,}")
