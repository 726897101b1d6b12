"""Sends every reader one digest a day, at most once."""
