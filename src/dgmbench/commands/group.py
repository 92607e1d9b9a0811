"""The group of all commands: how a mistake, or Ctrl-C, ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typer.core import TyperGroup

from dgmbench.errors import UserError


class Commands(TyperGroup):
    """Ends a user's mistake, or Ctrl-C, in one line; anything else keeps its traceback."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the arguments before the command's name; without any, the help is shown."""
        if not args:
            return super().make_context(info_name, args, parent, **extra)
        with _usage_in_one_line():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments name."""
        try:
            with _usage_in_one_line():
                return super().invoke(ctx)
        except UserError as error:
            print(f"dgmbench: error: {error}", file=sys.stderr)
            raise SystemExit(2) from None
        except KeyboardInterrupt:
            _end_interrupted()
        except SystemExit as stop:
            # Lightning turns Ctrl-C into a SystemExit
            if isinstance(stop.__context__, KeyboardInterrupt):
                _end_interrupted()
            raise


@contextmanager
def _usage_in_one_line() -> Iterator[None]:
    """Says what is wrong with arguments as every other mistake is said, in place of typer's box."""
    try:
        yield
    except Exception as error:
        # known by what it can say: by its version, typer brings click's exceptions along or has them from click
        if not hasattr(error, "format_message"):
            raise
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "dgmbench"
        message = " ".join(error.format_message().split()).removesuffix(".")
        print(f"dgmbench: error: {message}; see '{where} --help'", file=sys.stderr)
        raise SystemExit(2) from None


def _end_interrupted() -> None:
    print("dgmbench: interrupted; the same command goes on from the last saved state", file=sys.stderr)
    raise SystemExit(130) from None
