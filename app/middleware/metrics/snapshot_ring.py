"""Ring of the last snapshots: a file of fixed slots that all workers share, or memory of one process."""

import mmap
import os
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
            self._ring = mmap.mmap(-1, RING * SLOT)
            return
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            # On a full disk this raises, where a write to a file with holes would end the process (SIGBUS).
            os.posix_fallocate(descriptor, 0, RING * SLOT)
            self._ring = mmap.mmap(descriptor, RING * SLOT)
        finally:
            os.close(descriptor)

    def write(self, number: int, text: bytes) -> None:
        """Put a text in its slot; of several writers one wins.

        :raises ValueError: if it is too long.
        """
        if len(text) > SLOT:
            raise ValueError(f"a snapshot of {len(text)} bytes, more than {SLOT}")
        start = number % RING * SLOT
        self._ring[start : start + SLOT] = text.ljust(SLOT)

    def read(self, number: int) -> bytes:
        """The text in the slot of this number, which may be an older one's; empty if there is none yet."""
        start = number % RING * SLOT
        return self._ring[start : start + SLOT].rstrip(b" \0")
