"""Watches the loop: data, drift, realised quality; and the rules that follow from them."""
