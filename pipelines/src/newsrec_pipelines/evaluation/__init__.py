"""Evaluates models on days that they have not seen."""
