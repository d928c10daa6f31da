-- What pgweir keeps in a database that it follows: two publications, three event triggers, and the
-- functions behind them. Made by `pgweir setup`, in one transaction, by a superuser who then owns it all.
--
-- Two rules govern all of it. No statement of a user may fail, or wait long, on its account. And the event
-- triggers do within a user's transaction only what cannot wait: a table whose replica identity goes leaves
-- pgweir_rows at once, since PostgreSQL refuses UPDATE on it otherwise. What can wait is left to
-- pgweir.mend(), since ALTER PUBLICATION locks the publication until its transaction ends.

CREATE SCHEMA IF NOT EXISTS pgweir;

DO $do$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = 'pgweir_rows') THEN
    CREATE PUBLICATION pgweir_rows WITH (publish = 'insert, update, delete, truncate');
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = 'pgweir_inserts') THEN
    CREATE PUBLICATION pgweir_inserts WITH (publish = 'insert, truncate');
  END IF;
END
$do$;

CREATE OR REPLACE VIEW pgweir.tables AS
@tables@;

CREATE OR REPLACE FUNCTION pgweir.is_member(relid oid, publication name) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  IF current_setting('transaction_isolation') = 'read committed' THEN
    RETURN EXISTS (
      SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
      WHERE r.prrelid = is_member.relid AND p.pubname = publication);
  END IF;
  -- A snapshot that was taken earlier does not show what others have published since; this function sees
  -- catalogs as they are.
  RETURN EXISTS (SELECT FROM pg_get_publication_tables(publication::text) t WHERE t.relid = is_member.relid);
END
$body$;

-- True if UPDATE or DELETE on the table would fail, or could soon, as long as it is in pgweir_rows.
CREATE OR REPLACE FUNCTION pgweir.must_leave_rows(relid oid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  IF NOT pgweir.is_member(relid, 'pgweir_rows') THEN
    RETURN false;
  END IF;
  IF EXISTS (SELECT FROM pgweir.tables t
      WHERE t.relid = must_leave_rows.relid AND t.belongs = 'pgweir_rows' AND NOT t.in_part) THEN
    RETURN current_setting('transaction_isolation') <> 'read committed'
      AND pg_get_replica_identity_index(relid) IS NULL
      AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relid AND c.relreplident = 'f');
  END IF;
  RETURN true;
END
$body$;

-- Takes a table out of pgweir_rows, in the transaction of the user who took its identity. Another
-- transaction may hold the publication; waiting for it has a bound below deadlock_timeout, so that no
-- deadlock comes of it. Then the whole publication stops publishing updates and deletes, which needs no such
-- lock, and mend() puts that right; and if even that cannot be had, the table gets an identity.
CREATE OR REPLACE FUNCTION pgweir.leave_rows(relid oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '300ms' SET pgweir.at_work = 'on'
AS $body$
BEGIN
  BEGIN
    EXECUTE format('ALTER PUBLICATION pgweir_rows DROP TABLE ONLY %s', relid::regclass);
    RETURN;
  EXCEPTION
    WHEN undefined_object THEN RETURN;
    WHEN OTHERS THEN RAISE LOG 'pgweir: % stays in pgweir_rows: %', relid::regclass, SQLERRM;
  END;
  PERFORM pg_logical_emit_message(true, 'pgweir.lost', 'updates and deletes are no longer published');
  BEGIN
    ALTER PUBLICATION pgweir_rows SET (publish = 'insert, truncate');
    RETURN;
  EXCEPTION WHEN OTHERS THEN
    RAISE LOG 'pgweir: % gets REPLICA IDENTITY FULL: %', relid::regclass, SQLERRM;
  END;
  EXECUTE format('ALTER TABLE ONLY %s REPLICA IDENTITY FULL', relid::regclass);
END
$body$;

-- Puts one table where it belongs. Its lock comes first, since only then its identity stays what it is; a
-- table in use by something that excludes this is left for later.
CREATE OR REPLACE FUNCTION pgweir.place(relid oid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET pgweir.at_work = 'on' AS $body$
DECLARE
  found_as pgweir.tables;
  publication name;
  is_in boolean;
BEGIN
  EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE NOWAIT', relid::regclass);
  SELECT * INTO found_as FROM pgweir.tables t WHERE t.relid = place.relid;
  FOREACH publication IN ARRAY ARRAY['pgweir_rows', 'pgweir_inserts'] LOOP
    is_in := CASE publication WHEN 'pgweir_rows' THEN found_as.in_rows ELSE found_as.in_inserts END;
    IF is_in AND (found_as.in_part OR found_as.belongs IS DISTINCT FROM publication) THEN
      EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', publication, relid::regclass);
      is_in := false;
    END IF;
    IF NOT is_in AND found_as.belongs = publication THEN
      EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', publication, relid::regclass);
    END IF;
  END LOOP;
  RETURN true;
EXCEPTION WHEN OTHERS THEN
  RETURN false;
END
$body$;

-- Puts the publications right: at most `at_most` tables in a call, so that a call is short. Returns how many
-- tables are left, those in use among them; 0 says that all is as it should be. For the role that follows
-- the changes, and for `pgweir setup`; each call should be a transaction of its own.
CREATE OR REPLACE FUNCTION pgweir.mend(at_most integer DEFAULT 100) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
SET pgweir.at_work = 'on' AS $body$
DECLARE
  wrong oid[];
  relid oid;
  placed integer := 0;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'pgweir.mend() needs READ COMMITTED: an older snapshot does not show what there is';
  END IF;
  SELECT COALESCE(array_agg(t.relid ORDER BY t.in_rows DESC, t.relid), '{}') INTO wrong FROM pgweir.tables t
  WHERE t.in_part OR t.in_rows <> (COALESCE(t.belongs, '') = 'pgweir_rows')
    OR t.in_inserts <> (COALESCE(t.belongs, '') = 'pgweir_inserts');
  FOREACH relid IN ARRAY wrong[1:at_most] LOOP
    placed := placed + pgweir.place(relid)::int;
  END LOOP;
  PERFORM pgweir.restore_options();
  RETURN cardinality(wrong) - placed;
END
$body$;

-- What the publications publish, put back after leave_rows() or a hand has changed it; not while a table
-- without an identity is in pgweir_rows.
CREATE OR REPLACE FUNCTION pgweir.restore_options() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  IF EXISTS (SELECT FROM pg_publication p WHERE p.pubname = 'pgweir_rows'
        AND NOT (p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT p.pubviaroot))
      AND NOT EXISTS (SELECT FROM pgweir.tables t WHERE t.in_rows AND t.belongs IS DISTINCT FROM 'pgweir_rows')
  THEN
    ALTER PUBLICATION pgweir_rows
      SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = false);
  END IF;
  IF EXISTS (SELECT FROM pg_publication p WHERE p.pubname = 'pgweir_inserts'
      AND (NOT (p.pubinsert AND p.pubtruncate) OR p.pubupdate OR p.pubdelete OR p.pubviaroot)) THEN
    ALTER PUBLICATION pgweir_inserts SET (publish = 'insert, truncate', publish_via_partition_root = false);
  END IF;
EXCEPTION WHEN OTHERS THEN
  RAISE LOG 'pgweir: options of the publications stay as they are: %', SQLERRM;
END
$body$;

-- Says in the change stream that something was not done. If that fails too, the user's statement goes on.
CREATE OR REPLACE FUNCTION pgweir.say_lost(why text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  PERFORM pg_logical_emit_message(true, 'pgweir.lost', why);
  RAISE LOG 'pgweir: %', why;
EXCEPTION WHEN OTHERS THEN
  NULL;
END
$body$;

-- A superuser's call cannot be refused, and is made without a subtransaction: thousands of those in one
-- transaction would slow down everybody's snapshots.
CREATE OR REPLACE FUNCTION pgweir.say_ddl(tag text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    PERFORM pg_logical_emit_message(true, 'pgweir.ddl', tag);
    RETURN;
  END IF;
  BEGIN
    PERFORM pg_logical_emit_message(true, 'pgweir.ddl', tag);
  EXCEPTION WHEN OTHERS THEN
    PERFORM pgweir.say_lost(SQLERRM);
  END;
END
$body$;

-- The text that is being run, if it may set a table UNLOGGED; else null. ALTER TABLE may stand in the
-- client's query, in a statement that a function runs (the context shows it), or in the body of a function
-- in SQL (the context shows its name). A long query of many statements is looked through once: the setting
-- remembers by the time of its arrival that it is harmless.
CREATE OR REPLACE FUNCTION pgweir.unlogged_text(context text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $body$
DECLARE
  pattern constant text := '\mset(\s|/[*].*?[*]/|--[^\n]*\n)+unlogged\M';
  arrived constant text := statement_timestamp()::text;
  inner_text text := '';
  found_it boolean := false;
BEGIN
  IF current_setting('pgweir.harmless', true) IS DISTINCT FROM arrived THEN
    found_it := COALESCE(current_query(), 'SET UNLOGGED') ~* pattern;
    IF NOT found_it THEN
      PERFORM set_config('pgweir.harmless', arrived, true);
    END IF;
  END IF;
  IF strpos(context, E'\n') > 0 THEN
    inner_text := context || E'\n' || COALESCE((
      SELECT string_agg(p.prosrc, E'\n') FROM pg_proc p
      WHERE p.prolang = 14 AND p.oid >= 16384 AND p.prosrc ~* 'unlogged' AND strpos(context, p.proname) > 0), '');
    found_it := found_it OR inner_text ~* pattern;
  END IF;
  RETURN CASE WHEN found_it THEN COALESCE(current_query(), '') || E'\n' || inner_text END;
END
$body$;

-- Permanent tables that a text may mean: those that ALTER TABLE names in it, in whatever schema; if a name
-- cannot be read, those whose name occurs anywhere; if there is none, all. A snapshot that was taken earlier
-- does not show every table: then only what is published, as it is now.
CREATE OR REPLACE FUNCTION pgweir.tables_named(said text) RETURNS SETOF oid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $body$
DECLARE
  plain text := regexp_replace(regexp_replace(said, '/[*].*?[*]/', ' ', 'g'), '--[^\n]*', ' ', 'g');
  part constant text := '("([^"]|"")+"|[[:alnum:]_$]+)';
  named name[];
  commands bigint;
  relids oid[];
  names name[];
BEGIN
  SELECT array_agg(CASE WHEN n LIKE '"%' THEN replace(substr(n, 2, length(n) - 2), '""', '"') ELSE lower(n) END)
  INTO named FROM (
    SELECT COALESCE(m[5], m[2]) AS n FROM regexp_matches(plain,
      '\malter\s+table\s+(if\s+exists\s+)?(?:only\s+)?' || part || '(\s*[.]\s*' || part || ')?', 'gi') m) matched;
  SELECT count(*) INTO commands FROM regexp_matches(said, '\malter\M', 'gi');
  IF current_setting('transaction_isolation') = 'read committed' THEN
    SELECT array_agg(t.relid), array_agg(c.relname) INTO relids, names
    FROM pgweir.tables t JOIN pg_class c ON c.oid = t.relid;
  ELSE
    SELECT array_agg(t.relid), array_agg(part_of[cardinality(part_of)]) INTO relids, names
    FROM (SELECT relid FROM pg_get_publication_tables('pgweir_rows')
      UNION SELECT relid FROM pg_get_publication_tables('pgweir_inserts')) t,
      parse_ident(t.relid::regclass::text) part_of;
  END IF;
  IF cardinality(named) = commands AND plain !~* '\mU&' THEN
    RETURN QUERY SELECT r FROM unnest(relids, names) u (r, n) WHERE n = ANY (named);
    IF FOUND THEN
      RETURN;
    END IF;
  END IF;
  RETURN QUERY SELECT r FROM unnest(relids, names) u (r, n) WHERE strpos(lower(said), lower(n)) > 0;
  IF NOT FOUND THEN
    RETURN QUERY SELECT unnest(relids);
  END IF;
END
$body$;

-- SET UNLOGGED is refused for a published table, and what ddl_command_end does comes too late for it.
CREATE OR REPLACE FUNCTION pgweir.before_alter_table() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on
SET lock_timeout = '800ms' SET pgweir.at_work = 'on' AS $body$
DECLARE
  context text;
  said text;
  relid oid;
  publication name;
BEGIN
  GET DIAGNOSTICS context = PG_CONTEXT;
  said := pgweir.unlogged_text(context);
  IF said IS NULL THEN
    RETURN;
  END IF;
  FOR relid IN SELECT * FROM pgweir.tables_named(said) LOOP
    FOREACH publication IN ARRAY ARRAY['pgweir_rows', 'pgweir_inserts'] LOOP
      IF pgweir.is_member(relid, publication) THEN
        BEGIN
          EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', publication, relid::regclass);
        EXCEPTION WHEN OTHERS THEN
          PERFORM pgweir.say_lost(SQLERRM);
        END;
      END IF;
    END LOOP;
  END LOOP;
EXCEPTION WHEN OTHERS THEN
  PERFORM pgweir.say_lost(SQLERRM);
END
$body$;

-- Tables that a command may have touched, and those below them, whose publication is to be looked at again.
CREATE OR REPLACE FUNCTION pgweir.keep_writable(touched oid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  relid oid;
BEGIN
  FOREACH relid IN ARRAY touched LOOP
    IF pgweir.must_leave_rows(relid) THEN
      PERFORM pgweir.leave_rows(relid);
    END IF;
  END LOOP;
END
$body$;

-- sql_drop: a constraint or a column that is dropped, by whatever cascade, may have been a table's identity.
-- What ALTER TABLE drops is after_ddl()'s.
CREATE OR REPLACE FUNCTION pgweir.after_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on
AS $body$
DECLARE
  only_temporary boolean := false;
  touched oid[];
BEGIN
  IF tg_tag = 'ALTER PUBLICATION' THEN
    RETURN;
  END IF;
  BEGIN
    SELECT bool_and(d.is_temporary OR d.object_type = 'rule' AND d.address_names[1] = 'pg_temp'),
      array_agg(DISTINCT to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))::oid)
        FILTER (WHERE d.object_type IN ('table constraint', 'table column') AND NOT d.is_temporary)
    INTO only_temporary, touched FROM pg_event_trigger_dropped_objects() d;
    IF tg_tag <> 'ALTER TABLE' AND touched IS NOT NULL THEN
      PERFORM pgweir.keep_writable(array_remove(touched, NULL));
    END IF;
  EXCEPTION WHEN OTHERS THEN
    only_temporary := false;
    PERFORM pgweir.say_lost(SQLERRM);
  END;
  IF tg_tag IN ('DROP TABLE', 'DROP VIEW', 'DROP SEQUENCE', 'DROP INDEX') AND NOT only_temporary THEN
    PERFORM pgweir.say_ddl(tg_tag);
  END IF;
END
$body$;

-- True where publishing a table at once holds the publication only for a moment: the client's own statement,
-- the first of its transaction, which is nearly always its only one. Else mend() does it afterwards: in a
-- block, in a function, and where a driver sends Parse and Bind together.
CREATE OR REPLACE FUNCTION pgweir.may_publish(context text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  RETURN transaction_timestamp() = statement_timestamp() AND strpos(context, E'\n') = 0
    AND current_setting('transaction_isolation') = 'read committed';
END
$body$;

CREATE OR REPLACE FUNCTION pgweir.publish(touched oid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '10ms' AS $body$
DECLARE
  relid oid;
BEGIN
  FOR relid IN SELECT t.relid FROM pgweir.tables t WHERE t.relid = ANY (touched)
      AND (t.in_rows <> (COALESCE(t.belongs, '') = 'pgweir_rows')
        OR t.in_inserts <> (COALESCE(t.belongs, '') = 'pgweir_inserts')) LOOP
    PERFORM pgweir.place(relid);
  END LOOP;
END
$body$;

-- ddl_command_end, for the tables of the command: those that lost their identity leave pgweir_rows, and new
-- ones are published if that may be done here. What SET UNLOGGED made leave in vain comes back.
CREATE OR REPLACE FUNCTION pgweir.follow(tag text, context text, touched oid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $body$
DECLARE
  said text;
BEGIN
  IF tag = 'ALTER PUBLICATION' THEN
    PERFORM pgweir.keep_writable(ARRAY(SELECT t.relid FROM pgweir.tables t
      WHERE t.in_rows AND (t.in_part OR t.belongs IS DISTINCT FROM 'pgweir_rows')));
    RETURN;
  END IF;
  IF tag = 'ALTER TABLE' THEN
    touched := ARRAY(
      WITH RECURSIVE below AS (
        SELECT unnest(touched) AS relid
        UNION SELECT i.inhrelid FROM below JOIN pg_inherits i ON i.inhparent = below.relid)
      SELECT relid FROM below);
    said := pgweir.unlogged_text(context);
  END IF;
  PERFORM pgweir.keep_writable(touched);
  IF said IS NOT NULL THEN
    PERFORM pgweir.publish(touched || ARRAY(SELECT pgweir.tables_named(said)));
  ELSIF pgweir.may_publish(context) THEN
    PERFORM pgweir.publish(touched);
  END IF;
END
$body$;

CREATE OR REPLACE FUNCTION pgweir.after_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  context text;
  only_temporary boolean := false;
  touched oid[];
BEGIN
  -- A comment is seen by no statement that may be cached. What drops something permanent was said by
  -- after_drop(), and what the functions here do to the publications needs no telling.
  IF tg_tag IN ('COMMENT', 'DROP TABLE', 'DROP VIEW', 'DROP SEQUENCE', 'DROP INDEX')
      OR tg_tag = 'ALTER PUBLICATION' AND current_setting('pgweir.at_work', true) = 'on' THEN
    RETURN;
  END IF;
  GET DIAGNOSTICS context = PG_CONTEXT;
  BEGIN
    SELECT bool_and(c.schema_name IS NOT DISTINCT FROM 'pg_temp'), COALESCE(array_agg(DISTINCT c.objid)
      FILTER (WHERE c.classid = 'pg_class'::regclass AND c.object_type = 'table'
        AND c.schema_name IS DISTINCT FROM 'pg_temp'), '{}')
    INTO only_temporary, touched FROM pg_event_trigger_ddl_commands() c;
    IF only_temporary THEN
      RETURN;
    END IF;
    IF touched <> '{}' OR tg_tag = 'ALTER PUBLICATION' THEN
      PERFORM pgweir.follow(tg_tag, context, touched);
    END IF;
  EXCEPTION WHEN OTHERS THEN
    PERFORM pgweir.say_lost(SQLERRM);
  END;
  PERFORM pgweir.say_ddl(tg_tag);
END
$body$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgweir FROM PUBLIC;

DO $do$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN VALUES ('pgweir_before_alter_table', 'ddl_command_start WHEN TAG IN (''ALTER TABLE'')',
        'before_alter_table'), ('pgweir_after_drop', 'sql_drop', 'after_drop'),
        ('pgweir_after_ddl', 'ddl_command_end', 'after_ddl') LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = wanted.column1) THEN
      EXECUTE pg_catalog.format('CREATE EVENT TRIGGER %I ON %s EXECUTE FUNCTION pgweir.%I()', wanted.column1,
        wanted.column2, wanted.column3);
    END IF;
    EXECUTE pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', wanted.column1);
  END LOOP;
END
$do$;
