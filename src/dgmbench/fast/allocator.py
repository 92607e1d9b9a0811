"""What the C library does with freed memory, which decides the speed and the size of a training."""

from __future__ import annotations

import contextlib
import ctypes
import logging

log = logging.getLogger("dgmbench")


def keep_freed_memory() -> None:
    """Let the C library keep freed arrays for the next ones (glibc only).

    By default it gives arrays of some megabytes back to the system at once; a training step then spends much of its
    time on page faults.
    """
    m_trim_threshold, m_mmap_threshold = -1, -3
    try:
        _glibc().mallopt(m_mmap_threshold, 1 << 30)
        _glibc().mallopt(m_trim_threshold, 1 << 30)
    except (OSError, AttributeError):
        log.debug("no glibc: memory stays as the system manages it")


def release_freed_memory() -> None:
    """Give back what `keep_freed_memory` let pile up in holes between arrays that live on (glibc only)."""
    with contextlib.suppress(OSError, AttributeError):
        _glibc().malloc_trim(0)


def _glibc() -> ctypes.CDLL:
    return ctypes.CDLL("libc.so.6")
