"""Writes ten articles for every reader and publishes them whole."""
