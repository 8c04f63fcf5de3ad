"""Ring of the last snapshots: a file of fixed slots that all workers share, or memory of one process."""

import os
import weakref
from pathlib import Path

FILE = "traffic"
RING = 128  # slots: more than the ten minutes that are shown
SLOT = 4096  # bytes of a snapshot, padded with blanks


class SnapshotRing:
    """Texts by number, of which the last `RING` are kept.

    :param path: of the file; None for memory of this process.
    :raises OSError: if there is no room for it, or it is a symbolic link.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self._file = os.memfd_create(FILE)
        else:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        weakref.finalize(self, os.close, self._file)
        # All of its room now, where a full disk is noticed, and not at a snapshot. Read and written without a
        # mapping, of which each worker would hold a further page with each snapshot.
        os.posix_fallocate(self._file, 0, RING * SLOT)

    def write(self, number: int, text: bytes) -> None:
        """Put a text in its slot; of several writers one wins.

        :raises ValueError: if it is too long.
        """
        if len(text) > SLOT:
            raise ValueError(f"a snapshot of {len(text)} bytes, more than {SLOT}")
        os.pwrite(self._file, text.ljust(SLOT), number % RING * SLOT)

    def read(self, number: int) -> bytes:
        """The text in the slot of this number, which may be an older one's; empty if there is none yet."""
        return os.pread(self._file, SLOT, number % RING * SLOT).rstrip(b" \0")
