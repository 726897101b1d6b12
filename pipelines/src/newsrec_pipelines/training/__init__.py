"""Trains a model from what was known at a moment."""
