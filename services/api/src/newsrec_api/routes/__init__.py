"""HTTP in, HTTP out: each module makes one blueprint from the use cases it is given."""
