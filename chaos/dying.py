"""A command of the program that dies by kill -9 where it is told to.

    python -m chaos.dying cabinet.services.orders:_take_money:after serve

`before` or `after` the named function has done its work, the first time that it is called.
"""

import functools
import importlib
import os
import signal
import sys
from typing import Any


def find(point: str) -> tuple[Any, str, str]:
    """Whose function it is, what it is called there, and when it is to die."""
    module, name, when = point.split(":")
    *path, last = name.split(".")
    owner: Any = importlib.import_module(module)
    for part in path:
        owner = getattr(owner, part)
    return owner, last, when


def arm(point: str) -> None:
    """Makes the function at the point deadly."""
    owner, last, when = find(point)
    original = getattr(owner, last)

    @functools.wraps(original)
    def deadly(*args: Any, **kwargs: Any) -> None:
        if when == "after":
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, last, deadly)


if __name__ == "__main__":
    from cabinet.__main__ import app

    arm(sys.argv[1])
    sys.argv = ["cabinet", *sys.argv[2:]]
    app()
