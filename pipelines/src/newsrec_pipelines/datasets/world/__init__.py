"""A simulated world of readers, publishers and articles whose hidden truth is known."""
