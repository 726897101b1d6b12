"""Airflow on one laptop."""
