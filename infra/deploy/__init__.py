"""One version of the images, put into a cluster and asked for a slate."""
