"""Feature definitions and their point-in-time retrieval, shared by training and scoring."""
