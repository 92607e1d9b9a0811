"""``python -m dgmbench``: the command line."""

from dgmbench.cli import main

if __name__ == "__main__":  # a process of several imports this module under another name
    main()
