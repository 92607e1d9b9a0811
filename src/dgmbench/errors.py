"""The one exception that a user is meant to read."""


class UserError(Exception):
    """Something the user can correct: one line that says what is wrong, where, and what to do.

    The command line prints the message without a traceback and exits with status 2.
    """
