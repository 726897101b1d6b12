"""The whole loop on a simulated world, on one laptop: a cluster's programs, one after another."""
