"""Which model versions serve: the registry, promotion and the variants of readers."""
