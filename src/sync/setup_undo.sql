-- Takes back everything that `pgweir setup` has made in this database. @role@ is the role whose rights go
-- too, or empty; it is dropped if setup has made it and no other database needs it.
DROP EVENT TRIGGER IF EXISTS pgweir_before_alter_table;
DROP EVENT TRIGGER IF EXISTS pgweir_after_drop;
DROP EVENT TRIGGER IF EXISTS pgweir_after_ddl;

SELECT pg_catalog.pg_logical_emit_message(true, 'pgweir.lost', 'setup is undone');

DROP PUBLICATION IF EXISTS pgweir_rows;
DROP PUBLICATION IF EXISTS pgweir_inserts;

-- Of sync.permanent_slot. One that is in use is dropped by who uses it, once it hears of this.
SELECT pg_catalog.pg_drop_replication_slot(s.slot_name) FROM pg_catalog.pg_replication_slots s
WHERE s.slot_name LIKE 'pgweir\_keep\_%' AND s.database = pg_catalog.current_database() AND NOT s.active;

DO $do$
DECLARE
  function regprocedure;
BEGIN
  IF pg_catalog.to_regnamespace('pgweir') IS NULL THEN
    RETURN;
  END IF;
  FOR function IN SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pgweir'::regnamespace
      AND p.prorettype <> 'pg_catalog.trigger'::regtype LOOP
    EXECUTE pg_catalog.format('DROP FUNCTION %s', function);
  END LOOP;
  DROP VIEW IF EXISTS pgweir.tables;
  DROP SCHEMA pgweir;
END
$do$;

DO $do$
DECLARE
  wanted CONSTANT name := @role@;
BEGIN
  IF COALESCE(pg_catalog.shobj_description(pg_catalog.to_regrole(pg_catalog.quote_ident(wanted)), 'pg_authid'), '')
      <> 'made by pgweir setup' THEN
    RETURN;
  END IF;
  IF EXISTS (
      SELECT FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a
      WHERE d.datname = pg_catalog.current_database() AND a.grantee::regrole = pg_catalog.quote_ident(wanted)::regrole) THEN
    EXECUTE pg_catalog.format('REVOKE CONNECT ON DATABASE %I FROM %I', pg_catalog.current_database(), wanted);
  END IF;
  EXECUTE pg_catalog.format('DROP ROLE %I', wanted);
EXCEPTION WHEN dependent_objects_still_exist OR object_in_use THEN
  RAISE WARNING 'role % stays: %', wanted, SQLERRM;
END
$do$;
