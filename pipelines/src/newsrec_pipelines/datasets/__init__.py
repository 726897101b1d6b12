"""Fills the landing zone: adapters for real data, the simulated world, exported events."""
