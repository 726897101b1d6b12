"""Re-runs what is claimed about size and speed, from generated data; see docs/explanation."""
