"""Flask blueprints: HTTP in and out, no decisions."""
