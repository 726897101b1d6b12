"""What an operator says to the loop: models, variants, data to restore, builds."""
