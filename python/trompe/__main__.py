"""The command `trompe`: this process becomes the program."""

from __future__ import annotations

import os
import sys


def main():
    from ._program import TrompeError, program

    try:
        path = program()
        os.execv(path, [path, *sys.argv[1:]])
    except (OSError, TrompeError) as error:
        sys.exit(f"trompe: {error}")


if __name__ == "__main__":
    main()
