-- The login of the change stream: it reads system catalogs, follows the publications, and may call
-- pgweir.mend(). Nothing is altered that is right already.
DO $do$
DECLARE
  wanted CONSTANT name := @role@;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = wanted) THEN
    EXECUTE pg_catalog.format('CREATE ROLE %I LOGIN REPLICATION', wanted);
    EXECUTE pg_catalog.format('COMMENT ON ROLE %I IS %L', wanted, 'made by pgweir setup');
  ELSIF EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = wanted
      AND NOT (r.rolcanlogin AND (r.rolsuper OR r.rolreplication))) THEN
    EXECUTE pg_catalog.format('ALTER ROLE %I LOGIN REPLICATION', wanted);
  END IF;
  IF NOT pg_catalog.has_database_privilege(wanted, pg_catalog.current_database(), 'CONNECT') THEN
    EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I', pg_catalog.current_database(), wanted);
  END IF;
  IF NOT pg_catalog.has_schema_privilege(wanted, 'pgweir', 'USAGE') THEN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA pgweir TO %I', wanted);
  END IF;
  IF NOT pg_catalog.has_function_privilege(wanted, 'pgweir.mend(integer)', 'EXECUTE') THEN
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION pgweir.mend(integer) TO %I', wanted);
  END IF;
END
$do$;
