"""From the landing zone to published slates: every stage of newsrec."""
