-- Every table that is or could be published: where it belongs (null: nowhere) and where it is. An identity
-- is usable if it is FULL, or an index that a constraint holds: a mere index can go by DROP INDEX
-- CONCURRENTLY, which takes the identity away in a transaction of its own, before any event trigger fires.
-- From PostgreSQL 18 on an identity with generated columns makes UPDATE fail.
SELECT c.oid AS relid,
  CASE
    WHEN c.relkind <> 'r' OR c.relpersistence <> 'p' OR NOT pg_catalog.pg_relation_is_publishable(c.oid)
      THEN NULL
    WHEN pg_catalog.current_setting('server_version_num')::int >= 180000 AND EXISTS (
        SELECT FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> '')
      THEN 'pgweir_inserts'
    WHEN c.relreplident = 'f' OR EXISTS (
        SELECT FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
        WHERE i.indrelid = c.oid AND k.contype IN ('p', 'u') AND i.indisvalid AND i.indislive
          AND i.indisunique AND i.indimmediate AND i.indpred IS NULL
          AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END)
      THEN 'pgweir_rows'
    ELSE 'pgweir_inserts'
  END AS belongs,
  COALESCE(m.in_rows, false) AS in_rows,
  COALESCE(m.in_inserts, false) AS in_inserts,
  COALESCE(m.in_part, false) AS in_part  -- with a column list or a WHERE, which only a hand can have given
FROM pg_catalog.pg_class c
LEFT JOIN LATERAL (
  SELECT bool_or(p.pubname = 'pgweir_rows') AS in_rows, bool_or(p.pubname = 'pgweir_inserts') AS in_inserts,
    bool_or(r.prqual IS NOT NULL OR r.prattrs IS NOT NULL) AS in_part
  FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
  WHERE r.prrelid = c.oid AND p.pubname IN ('pgweir_rows', 'pgweir_inserts')) m ON true
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384
  AND (c.relkind = 'r' OR m.in_rows OR m.in_inserts)
