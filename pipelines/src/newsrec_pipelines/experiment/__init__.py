"""The experiment on a simulated world: readers of our slates beside a held-out group."""
