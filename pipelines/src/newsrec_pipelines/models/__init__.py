"""The scorers, the ranker and the model that blends them."""
