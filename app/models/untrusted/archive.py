"""The archive that a ``.skops`` file is, unpacked within bounds."""

import io
import math
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from app.models.untrusted import Unsound

SCHEMA = "schema.json"
# Bytes; a forest of 100 trees with 50,000 nodes each takes 0.4 GB. While it is read each byte is there up to
# four times.
MAX_UNPACKED = 1024**3
# Bytes; the schema takes 16 to 21 kB for each tree of an ensemble, and in memory several times that.
MAX_SCHEMA = 128 * 1024**2
# Up to five arrays for each tree.
MAX_MEMBERS = 100_000
# What zlib inflates to a size that one may bound.
METHODS = (ZIP_STORED, ZIP_DEFLATED)
ARRAY, ARCHIVE = b"\x93NUMPY", b"PK"


def unpacked(content: IO[bytes], *, limit: int = MAX_UNPACKED) -> io.BytesIO:
    """The same archive, uncompressed, with the archives in it, which sparse matrices are, uncompressed too.

    Only this is for skops to read: zipfile, asked for a whole member, inflates whatever there is of it, and
    then cuts that off at the size which the archive says.

    :param limit: in bytes, of all members together.
    :raises Unsound: for an archive that is too large, or says what is not so.
    """
    plain = io.BytesIO()
    with ZipFile(content) as archive, ZipFile(plain, "w", ZIP_STORED) as copy:
        members = archive.infolist()
        _check_sizes(members, limit)
        for member in members:
            inside = _read(archive, member)
            if inside.startswith(ARCHIVE):
                inside = unpacked(io.BytesIO(inside), limit=limit).getvalue()
            elif inside.startswith(
                ARRAY
            ):  # whatever its name: the schema says which file is read as an array
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
    """numpy reserves what the header of an array announces before it looks at what follows."""
    stream = io.BytesIO(content)
    first = np.lib.format.read_magic(stream) == (1, 0)
    read_header = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    announced, there = math.prod(shape) * max(dtype.itemsize, 1), len(content) - stream.tell()
    if announced != there or min(shape, default=0) < 0:
        raise Unsound(f"its {name!r} announces an array of {announced:,} bytes and holds {there:,}")
