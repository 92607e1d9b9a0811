"""The one exception that a user is meant to read, and how messages count."""


class UserError(Exception):
    """Something the user can correct: one line that says what is wrong, where, and what to do.

    The command line prints the message without a traceback and exits with status 2.
    """


def counted(number: int, noun: str, nouns: str = "") -> str:
    """``1 run``, ``2 runs``, ``1,000 runs``; ``nouns`` is a plural that does not end in s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
