"""Earlier names of `dgmbench.models.text`; they keep working."""

from typing import Any

from dgmbench.models import text

__all__ = text.__all__


def __getattr__(name: str) -> Any:
    return getattr(text, name)


def __dir__() -> list[str]:
    return list(__all__)
