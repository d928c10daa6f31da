-- All that `pgweir setup --status` judges by, in one row; it changes nothing and needs no privileges. @role@
-- is the role that follows the changes, or null: the role that asks.
WITH tables AS (
@tables@
), judged AS (
  SELECT t.*, c.relreplident, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
    t.in_part OR t.in_rows <> (COALESCE(t.belongs, '') = 'pgweir_rows')
      OR t.in_inserts <> (COALESCE(t.belongs, '') = 'pgweir_inserts') AS misplaced
  FROM tables t JOIN pg_catalog.pg_class c ON c.oid = t.relid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), counted AS (
  SELECT count(*) FILTER (WHERE in_rows) AS tables_in_rows,
    count(*) FILTER (WHERE in_inserts) AS tables_in_inserts,
    count(*) FILTER (WHERE belongs = 'pgweir_rows' AND relreplident <> 'f') AS tables_by_key,
    count(*) FILTER (WHERE belongs = 'pgweir_inserts') AS without_identity_count,
    (pg_catalog.array_agg(name ORDER BY name) FILTER (WHERE belongs = 'pgweir_inserts'))[1:20] AS without_identity,
    count(*) FILTER (WHERE misplaced) AS misplaced_count,
    (pg_catalog.array_agg(name ORDER BY name) FILTER (WHERE misplaced))[1:20] AS misplaced,
    count(*) FILTER (WHERE in_rows AND belongs IS DISTINCT FROM 'pgweir_rows') AS refused_count,
    (pg_catalog.array_agg(name ORDER BY name) FILTER (WHERE in_rows AND belongs IS DISTINCT FROM 'pgweir_rows'))[1:20]
      AS refused
  FROM judged
), asked AS (
  SELECT COALESCE(@role@, current_user) AS role
), login AS (
  SELECT a.role, r.oid, r.rolcanlogin, r.rolsuper OR r.rolreplication AS replicates
  FROM asked a LEFT JOIN pg_catalog.pg_roles r ON r.rolname = a.role
), publications AS (
  SELECT p.pubname, CASE
      WHEN p.puballtables THEN 'all'
      WHEN p.pubinsert AND p.pubtruncate AND NOT p.pubviaroot AND CASE p.pubname
          WHEN 'pgweir_rows' THEN p.pubupdate AND p.pubdelete ELSE NOT p.pubupdate AND NOT p.pubdelete END
        THEN 'right'
      ELSE 'altered' END AS state
  FROM pg_catalog.pg_publication p
)
SELECT pg_catalog.current_database() AS database,
  login.role AS role,
  login.oid IS NOT NULL AS role_exists,
  COALESCE(login.rolcanlogin, false) AS role_logs_in,
  COALESCE(login.replicates, false) AS role_replicates,
  COALESCE(pg_catalog.has_database_privilege(login.oid, pg_catalog.current_database(), 'CONNECT'), false)
    AS role_connects,
  COALESCE(pg_catalog.has_schema_privilege(login.oid, pg_catalog.to_regnamespace('pgweir')::oid, 'USAGE')
    AND pg_catalog.has_function_privilege(login.oid, pg_catalog.to_regprocedure('pgweir.mend(integer)')::oid,
      'EXECUTE'), false) AS role_mends,
  pg_catalog.current_setting('server_version_num') AS version,
  pg_catalog.pg_is_in_recovery() AS standby,
  pg_catalog.current_setting('wal_level') AS wal_level,
  pg_catalog.current_setting('max_replication_slots')::bigint AS slots_max,
  -- Those of the role itself do not count: it may be following already.
  (SELECT count(*) FROM pg_catalog.pg_replication_slots s WHERE s.active_pid IS NULL OR NOT EXISTS (
      SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = s.active_pid AND a.usesysid = login.oid)) AS slots_used,
  pg_catalog.current_setting('max_wal_senders')::bigint AS senders_max,
  (SELECT count(*) FROM pg_catalog.pg_stat_get_wal_senders() s WHERE NOT EXISTS (
      SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = s.pid AND a.usesysid = login.oid)) AS senders_used,
  COALESCE(pg_catalog.current_setting('event_triggers', true), 'on') AS event_triggers,
  pg_catalog.to_regnamespace('pgweir') IS NOT NULL AS schema_exists,
  COALESCE(pg_catalog.obj_description(pg_catalog.to_regnamespace('pgweir')::oid, 'pg_namespace'), '') AS stamp,
  (SELECT pg_catalog.array_to_string(pg_catalog.array_agg(w.name ORDER BY w.name), ', ')
    FROM (VALUES ('pgweir_before_alter_table'), ('pgweir_after_drop'), ('pgweir_after_ddl')) w (name)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger e WHERE e.evtname = w.name)) AS triggers_missing,
  (SELECT pg_catalog.array_to_string(pg_catalog.array_agg(e.evtname::text ORDER BY e.evtname), ', ')
    FROM pg_catalog.pg_event_trigger e
    WHERE e.evtname IN ('pgweir_before_alter_table', 'pgweir_after_drop', 'pgweir_after_ddl')
      AND e.evtenabled <> 'A') AS triggers_disabled,
  (SELECT p.state FROM publications p WHERE p.pubname = 'pgweir_rows') AS publication_rows,
  (SELECT p.state FROM publications p WHERE p.pubname = 'pgweir_inserts') AS publication_inserts,
  (SELECT count(*) FROM pg_catalog.pg_class c WHERE c.relkind = 'r' AND c.relpersistence = 'u') AS tables_unlogged,
  counted.tables_in_rows, counted.tables_in_inserts, counted.tables_by_key,
  counted.without_identity_count, pg_catalog.array_to_string(counted.without_identity, ', ') AS without_identity,
  counted.misplaced_count, pg_catalog.array_to_string(counted.misplaced, ', ') AS misplaced,
  counted.refused_count, pg_catalog.array_to_string(counted.refused, ', ') AS refused
FROM counted, login
