"""``python -m dgmbench``: the command line."""

from dgmbench.cli import main

main()
