-- One login a writer. It inherits nothing: it may only SET ROLE to the roles that its program acts as.
-- Safe to run again, also to change a password: psql -v ON_ERROR_STOP=1 "$DATABASE_URL" -f logins.sql
\getenv api_password API_PASSWORD
\getenv mailer_password MAILER_PASSWORD
\getenv pipelines_password PIPELINES_PASSWORD
\getenv exporter_password EXPORTER_PASSWORD
BEGIN;
SELECT format('CREATE ROLE %I LOGIN NOINHERIT', login)
FROM unnest(ARRAY['login_api', 'login_mailer', 'login_pipelines', 'login_exporter']) AS login
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) \gexec
ALTER ROLE login_api PASSWORD :'api_password';
ALTER ROLE login_mailer PASSWORD :'mailer_password';
ALTER ROLE login_pipelines PASSWORD :'pipelines_password';
ALTER ROLE login_exporter INHERIT PASSWORD :'exporter_password';
GRANT CONNECT ON DATABASE :"DBNAME" TO login_api, login_mailer, login_pipelines, login_exporter;
GRANT newsrec_api TO login_api;
GRANT newsrec_mailer TO login_mailer;
GRANT newsrec_etl, newsrec_features, newsrec_scoring, newsrec_monitoring, newsrec_operations
    TO login_pipelines;
-- Statistics, and no table of ours. Who may not pass pg_monitor on leaves that to the database's administrator:
-- until then the exporter sees sizes and counts, but not what other sessions do.
SELECT 'GRANT pg_monitor TO login_exporter'
WHERE pg_has_role(current_user, 'pg_monitor', 'MEMBER WITH ADMIN OPTION') \gexec
COMMIT;
