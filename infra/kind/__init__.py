"""The whole system in a cluster on one machine: `make up`, and what begins there."""
