"""The options in a dataset's name, written as in a web address: ``file:mine.npy?shape=28x28&name=mine``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from dgmbench.data.user_files import TITLE
from dgmbench.errors import UserError
from dgmbench.names import did_you_mean

Forms = Mapping[str, tuple[str, str]]
"""By option what it may be, a pattern, and how to say that."""

SHORT_NAME = (TITLE.pattern, "1 to 40 letters, digits, spaces and any of _ + . -")


def read_options(name: str, forms: Forms) -> dict[str, str]:
    """The options of a name, each of the form that it has to have.

    Raises:
        UserError: an option is unknown, of another form, or given twice.
    """
    options: dict[str, str] = {}
    for option, value in parse_qsl(name.partition("?")[2], keep_blank_values=True):
        if option not in forms:
            raise UserError(f"{name}: unknown option {option!r}{did_you_mean(option, forms)}")
        pattern, wanted = forms[option]
        if option in options or not re.fullmatch(pattern, value):
            raise UserError(f"{name}: the option {option} is {value!r}; give {wanted}, once")
        options[option] = value
    return options
