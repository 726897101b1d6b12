"""The promotion gate: is what would be made today fit to serve? It composes other stages."""
