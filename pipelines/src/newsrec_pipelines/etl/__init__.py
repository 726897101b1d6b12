"""Landing zone to PostgreSQL and clean Parquet, with Apache Beam."""
