"""The first lines of a script in Python that a test writes."""

import sys


def first_lines(options: str = "", python: str = sys.executable) -> str:
    """What makes the text after it a program, in a path with a blank too.

    The kernel ends an interpreter's path at a blank, so a shell starts it there, as pip does it.

    Args:
        options: of the interpreter, such as ``-SE``.
        python: the interpreter's path.
    """
    if " " not in python:
        return f"#!{python} {options}".rstrip() + "\n"
    return f"#!/bin/sh\n'''exec' '{python}' {options} \"$0\" \"$@\"\n' '''\n"
