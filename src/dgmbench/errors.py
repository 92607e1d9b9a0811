"""The one exception that a user is meant to read, how messages count, and what a user's own code raised in a line."""

from __future__ import annotations

import os
import sysconfig
import textwrap
import traceback

_OURS = os.path.dirname(__file__) + os.sep
_LIBRARIES = tuple({os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib")})


class UserError(Exception):
    """Something the user can correct: one line that says what is wrong, where, and what to do.

    The command line prints the message without a traceback and exits with status 2.
    """


def counted(number: int, noun: str, nouns: str = "") -> str:
    """``1 run``, ``2 runs``, ``1,000 runs``; ``nouns`` is a plural that does not end in s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def raised(error: BaseException) -> str:
    """What a user's own code raised, in a line: ``ValueError: too few (my_model.py, line 42)``.

    The place is the last one in the user's own code; none where the error passed no such code.
    """
    what = textwrap.shorten(f"{type(error).__name__}: {error}", 300, placeholder=" ...")
    frames = traceback.extract_tb(error.__traceback__)
    own = next((frame for frame in reversed(frames) if _is_of_the_user(frame.filename)), None)
    return f"{what} ({os.path.basename(own.filename)}, line {own.lineno})" if own else what


def _is_of_the_user(file: str) -> bool:
    """Whether a file of a traceback is no part of this package, of an installed one, or of Python."""
    if file.startswith(("<", _OURS)) or {"site-packages", "dist-packages"} & set(file.split(os.sep)):
        return False
    return not os.path.realpath(file).startswith(_LIBRARIES)
