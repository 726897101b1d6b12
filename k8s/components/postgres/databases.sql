-- At the first start of an empty volume, as the superuser: who owns what. Tables and roles are for the migrations.
-- Safe to run again, also to change a password, and on a server outside the cluster.
\getenv owner_password OWNER_PASSWORD
\getenv airflow_password AIRFLOW_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', login) FROM unnest(ARRAY['newsrec_owner', 'airflow']) AS login
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) \gexec
ALTER ROLE newsrec_owner CREATEROLE PASSWORD :'owner_password';
ALTER ROLE airflow PASSWORD :'airflow_password';
SELECT format('CREATE DATABASE %I OWNER %I', database, owner)
FROM (VALUES ('newsrec', 'newsrec_owner'), ('airflow', 'airflow')) AS wanted (database, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = database) \gexec
-- Its owner, and the logins that logins.sql lets in.
REVOKE CONNECT ON DATABASE newsrec, airflow FROM PUBLIC;
