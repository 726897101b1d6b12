"""The database of newsrec: migrations, roles, and an embedded server for laptops."""
