"""Receives alerts and does what they ask for: starts a DAG, aborts a canary."""
