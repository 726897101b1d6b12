"""Kinds of model: a module each, named like its kind, whose `KIND` is the class.

A new file here is a new kind: nothing else has to name it. `newsrec new-model` writes one.
"""
