"""What the name of a drawn corpus begins with, and what it need not say."""

from __future__ import annotations

DRAWN = "zipf-topics"
DRAWN_AS = {"documents": 10_000, "test": 1_000, "length": 100}
