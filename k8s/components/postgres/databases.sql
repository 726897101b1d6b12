-- At the first start of an empty volume: who owns what. Tables and roles are for the migrations.
\getenv owner_password OWNER_PASSWORD
\getenv airflow_password AIRFLOW_PASSWORD
CREATE ROLE newsrec_owner LOGIN CREATEROLE PASSWORD :'owner_password';
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE DATABASE newsrec OWNER newsrec_owner;
CREATE DATABASE airflow OWNER airflow;
REVOKE CONNECT ON DATABASE airflow FROM PUBLIC;
