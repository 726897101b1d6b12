"""What the API does, free of HTTP and SQL."""
