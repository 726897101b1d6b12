"""Factories, fakes and servers that the tests share."""
