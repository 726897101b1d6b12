"""What the DAG files share. It knows Airflow and the command lines of the stages, nothing else."""
