"""Where the API reads and keeps things: small protocols, and their PostgreSQL implementations."""
