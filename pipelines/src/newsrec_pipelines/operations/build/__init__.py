"""Builds a model as a package: from a clean checkout to a wheel in an index of packages."""
