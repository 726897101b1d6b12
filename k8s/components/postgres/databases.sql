-- At the first start of an empty volume, as the superuser: who owns what. Tables and roles are for the migrations.
-- Safe to run again, also to change a password, and on a server outside the cluster.
\getenv owner_password OWNER_PASSWORD
\getenv airflow_password AIRFLOW_PASSWORD
\getenv mlflow_password MLFLOW_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', login) FROM unnest(ARRAY['newsrec_owner', 'airflow', 'mlflow']) AS login
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) \gexec
ALTER ROLE newsrec_owner CREATEROLE PASSWORD :'owner_password';
ALTER ROLE airflow PASSWORD :'airflow_password';
ALTER ROLE mlflow PASSWORD :'mlflow_password';
-- Statistics of the server, which logins.sql passes on to the exporter.
GRANT pg_monitor TO newsrec_owner WITH ADMIN OPTION;
SELECT format('CREATE DATABASE %I OWNER %I', database, owner)
FROM (VALUES ('newsrec', 'newsrec_owner'), ('airflow', 'airflow'), ('mlflow', 'mlflow')) AS wanted (database, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = database) \gexec
-- Its owner, and the logins that logins.sql lets in.
REVOKE CONNECT ON DATABASE newsrec, airflow, mlflow FROM PUBLIC;
