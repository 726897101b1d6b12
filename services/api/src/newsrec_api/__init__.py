"""Serves slates and takes events: the HTTP face of newsrec."""
