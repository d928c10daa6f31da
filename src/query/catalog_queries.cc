// The SQL behind CatalogBuilder. Every relation and function is written with its schema; operators
// and types resolve in pg_catalog because the caller sets search_path to ''.
//
// Objects that initdb made have oids below 16384 (FirstNormalObjectId); "user" means the rest.
// A user function is trusted to have no effects only if it is written in C (as extensions' are, by a
// superuser) and not VOLATILE: any other language can run SQL, and even a STABLE function may call a
// VOLATILE one.
#include "query/catalog_queries.h"

#include <array>

#include "query/catalog.h"

namespace pgweir::query {
namespace {

// A user function that may do anything; aggregates are only as good as the functions they use.
#define PGWEIR_EFFECTFUL_CTE                                                                        \
  "plain AS MATERIALIZED (SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.oid >= 16384"              \
  " AND p.prokind <> 'a' AND NOT (p.provolatile <> 'v' AND p.prokind <> 'p' AND p.prolang IN"       \
  " (SELECT l.oid FROM pg_catalog.pg_language l WHERE l.lanname IN ('c', 'internal')))),"           \
  " effectful AS MATERIALIZED (SELECT oid FROM plain UNION SELECT a.aggfnoid FROM"                  \
  " pg_catalog.pg_aggregate a WHERE a.aggfnoid >= 16384 AND ARRAY[a.aggtransfn::pg_catalog.oid,"    \
  " a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn," \
  " a.aggmfinalfn] && ARRAY(SELECT oid FROM plain))"

constexpr std::string_view kRelations = R"(
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence,
  n.nspname IN ('pg_catalog', 'information_schema') AS system, c.relrowsecurity,
  c.relhasrules AND EXISTS (SELECT 1 FROM pg_catalog.pg_rewrite r
    WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN') AS rules, c.relreplident,
  COALESCE((SELECT pr.oid
    FROM pg_catalog.pg_publication_rel pr JOIN pg_catalog.pg_publication p ON p.oid = pr.prpubid
    WHERE pr.prrelid = c.oid AND p.pubname = 'pgweir_rows' AND p.pubinsert AND p.pubupdate AND p.pubdelete
      AND p.pubtruncate AND NOT p.pubviaroot
      AND pg_catalog.to_jsonb(pr) ->> 'prqual' IS NULL AND pg_catalog.to_jsonb(pr) ->> 'prattrs' IS NULL),
    0::pg_catalog.oid) AS followed_by
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND n.nspname <> 'pg_toast')";

constexpr std::string_view kInheritance = R"(
SELECT i.inhparent, i.inhrelid FROM pg_catalog.pg_inherits i)";

constexpr std::string_view kViews = R"(
SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema'))";

constexpr std::string_view kTypes = R"(
SELECT t.oid, n.nspname, t.typname, t.typtype,
  CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END AS element, t.typbasetype, t.typrelid,
  t.typinput >= 16384 OR t.typoutput >= 16384 OR t.typsend >= 16384 OR t.typreceive >= 16384
    OR t.typmodin >= 16384 OR (t.oid >= 16384 AND EXISTS (SELECT 1 FROM pg_catalog.pg_opclass o
      WHERE o.opcintype = t.oid)) AS code
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname !~ '^pg_(toast|temp_)' AND (t.oid >= 16384 OR t.typtype <> 'c')
  AND NOT (t.oid < 16384 AND n.nspname = 'information_schema'))";

constexpr std::string_view kColumnTypes = R"(
SELECT DISTINCT a.attrelid, a.atttypid
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
  AND c.relpersistence <> 't'
  AND (a.atttypid >= 16384 OR a.atttypid IN (SELECT t.oid FROM pg_catalog.pg_type t
    WHERE t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
      AND (t.typname ~ '^_?reg' OR t.typname IN ('aclitem', '_aclitem', 'timetz', '_timetz')))))";

// An argument of a built-in, polymorphic or row type, or no argument at all, lets a user function
// stand in for a built-in one; so does a type that PostgreSQL prefers when it must guess.
constexpr std::string_view kFunctions = "WITH " PGWEIR_EFFECTFUL_CTE R"(,
reg AS MATERIALIZED (SELECT t.oid FROM pg_catalog.pg_type t WHERE t.oid < 16384 AND t.typname ~ '^_?reg')
SELECT p.proname,
  pg_catalog.max(CASE WHEN p.builtin THEN CASE p.provolatile WHEN 'i' THEN 1 WHEN 's' THEN 2 ELSE 3 END ELSE 0 END),
  pg_catalog.bool_or(NOT p.builtin AND p.captures), pg_catalog.bool_or(NOT p.builtin AND NOT p.captures),
  pg_catalog.bool_or(NOT p.builtin AND p.takes_row), pg_catalog.bool_or(p.effectful)
FROM (
  SELECT p.proname, p.oid < 16384 AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AS builtin,
    CASE WHEN p.provolatile = 'i' AND p.proargtypes::pg_catalog.oid[] && ARRAY(SELECT oid FROM reg)
      THEN 's'::pg_catalog."char" ELSE p.provolatile END AS provolatile,
    p.oid < 16384 OR p.pronargs = 0 OR EXISTS (SELECT 1 FROM pg_catalog.pg_type t
      WHERE t.oid = ANY (p.proargtypes::pg_catalog.oid[])
        AND (t.oid < 16384 OR t.typtype = 'c' OR t.typispreferred)) AS captures,
    p.oid >= 16384 AND p.pronargs - p.pronargdefaults <= 1 AND EXISTS (SELECT 1 FROM pg_catalog.pg_type t
      WHERE t.oid = p.proargtypes[0] AND t.typtype IN ('c', 'p', 'd')) AS takes_row,
    p.oid >= 16384 AND p.oid IN (SELECT oid FROM effectful) AS effectful
  FROM pg_catalog.pg_proc p) p
GROUP BY p.proname)";

constexpr std::string_view kOperators = "WITH " PGWEIR_EFFECTFUL_CTE R"(
SELECT o.oprname,
  pg_catalog.max(CASE WHEN o.builtin THEN CASE o.provolatile WHEN 'i' THEN 1 WHEN 's' THEN 2 ELSE 3 END ELSE 0 END),
  pg_catalog.bool_or(NOT o.builtin AND o.captures),
  pg_catalog.bool_or(NOT o.builtin AND NOT o.captures AND o.mixed),
  pg_catalog.bool_or(NOT o.builtin AND NOT o.captures AND NOT o.mixed), pg_catalog.bool_or(o.effectful)
FROM (
  SELECT o.oprname, o.oid < 16384 AS builtin, p.provolatile,
    (o.oprleft < 16384 AND o.oprright < 16384) OR EXISTS (SELECT 1 FROM pg_catalog.pg_type t
      WHERE t.oid IN (o.oprleft, o.oprright) AND (t.typtype IN ('c', 'p') OR (t.oid >= 16384 AND t.typispreferred)))
      AS captures,
    (o.oprleft BETWEEN 1 AND 16383) OR (o.oprright BETWEEN 1 AND 16383) AS mixed,
    o.oid >= 16384 AND p.oid IN (SELECT oid FROM effectful) AS effectful
  FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode) o
GROUP BY o.oprname)";

constexpr std::string_view kCasts = "WITH " PGWEIR_EFFECTFUL_CTE R"(
SELECT k.castsource, k.casttarget, k.castcontext, k.castfunc >= 16384 AS user_function,
  s.typtype = 'c' AS from_row, k.castfunc IN (SELECT oid FROM effectful) AS effectful
FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type s ON s.oid = k.castsource
WHERE k.oid >= 16384)";

// Where effectful code hangs on a relation ('w' run by a write, 'r' by a read) or a type ('t').
constexpr std::string_view kCode = "WITH " PGWEIR_EFFECTFUL_CTE R"(,
p AS (SELECT oid FROM effectful),
o AS MATERIALIZED (SELECT o.oid FROM pg_catalog.pg_operator o WHERE o.oprcode IN (SELECT oid FROM p)),
f AS (SELECT a.amprocfamily AS oid FROM pg_catalog.pg_amproc a WHERE a.amproc IN (SELECT oid FROM p)
  UNION SELECT a.amopfamily FROM pg_catalog.pg_amop a WHERE a.amopopr IN (SELECT oid FROM o)),
code AS (
  SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid AS class, oid FROM p
  UNION ALL SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, oid FROM o
  UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, c.oid
    FROM pg_catalog.pg_opclass c WHERE c.opcfamily IN (SELECT oid FROM f)),
d AS MATERIALIZED (SELECT DISTINCT d.classid, d.objid FROM pg_catalog.pg_depend d
  JOIN code ON d.refclassid = code.class AND d.refobjid = code.oid)
SELECT 'w' AS how, t.tgrelid AS oid FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal
UNION SELECT 'w', a.adrelid FROM pg_catalog.pg_attrdef a
  JOIN d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = a.oid
UNION SELECT 'w', c.conrelid FROM pg_catalog.pg_constraint c
  JOIN d ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = c.oid WHERE c.conrelid <> 0
UNION SELECT 't', c.contypid FROM pg_catalog.pg_constraint c
  JOIN d ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = c.oid WHERE c.contypid <> 0
UNION SELECT 'w', i.indrelid FROM pg_catalog.pg_index i
  JOIN d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
UNION SELECT 'w', d.objid FROM d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
UNION SELECT k.how, p.polrelid FROM pg_catalog.pg_policy p
  JOIN d ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid
  CROSS JOIN (VALUES ('r'), ('w')) k(how)
UNION SELECT 't', d.objid FROM d WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass)";

// Built-in VOLATILE functions that stored expressions call; pg_depend does not record built-ins.
constexpr std::string_view kStoredCalls = R"(
WITH e AS (
  SELECT 'w' AS how, a.adrelid AS oid, a.adbin::pg_catalog.text AS tree FROM pg_catalog.pg_attrdef a
  UNION ALL SELECT CASE WHEN c.conrelid <> 0 THEN 'w' ELSE 't' END,
    CASE WHEN c.conrelid <> 0 THEN c.conrelid ELSE c.contypid END, c.conbin::pg_catalog.text
    FROM pg_catalog.pg_constraint c WHERE c.conbin IS NOT NULL
  UNION ALL SELECT k.how, p.polrelid, pg_catalog.concat(p.polqual::pg_catalog.text, p.polwithcheck::pg_catalog.text)
    FROM pg_catalog.pg_policy p CROSS JOIN (VALUES ('r'), ('w')) k(how)
  UNION ALL SELECT 't', t.oid, t.typdefaultbin::pg_catalog.text
    FROM pg_catalog.pg_type t WHERE t.typdefaultbin IS NOT NULL)
SELECT DISTINCT e.how, e.oid, p.proname
FROM e CROSS JOIN LATERAL pg_catalog.regexp_matches(e.tree, ':(?:funcid|opfuncid) ([0-9]+)', 'g') AS m(ids)
JOIN pg_catalog.pg_proc p ON p.oid = m.ids[1]::pg_catalog.oid
WHERE e.oid >= 16384 AND p.oid < 16384 AND p.provolatile = 'v')";

constexpr std::string_view kForeignKeys = R"(
SELECT c.confrelid, c.conrelid, c.confdeltype, c.confupdtype
FROM pg_catalog.pg_constraint c WHERE c.contype = 'f')";

// Indexes of tables, and those of their columns that rows can be pinned by. Letters of an index: u unique,
// p primary key, o on all rows, d at once and not at the end of a transaction, r chosen as replica
// identity, b of built-in operator classes and deterministic collations.
constexpr std::string_view kIndexes = R"(
WITH i AS MATERIALIZED (
  SELECT i.indrelid, i.indkey::pg_catalog.int2[] AS keys, i.indnkeyatts::pg_catalog.int4 AS n,
    pg_catalog.concat(CASE WHEN i.indisunique THEN 'u' END, CASE WHEN i.indisprimary THEN 'p' END,
      CASE WHEN i.indpred IS NULL THEN 'o' END, CASE WHEN i.indimmediate THEN 'd' END,
      CASE WHEN i.indisreplident THEN 'r' END,
      CASE WHEN 16384 > ALL (i.indclass::pg_catalog.oid[]) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_collation l
        WHERE l.oid = ANY (i.indcollation::pg_catalog.oid[]) AND NOT l.collisdeterministic) THEN 'b' END) AS flags
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
  WHERE i.indisvalid AND i.indislive AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384
    AND c.relnamespace <> 'pg_toast'::pg_catalog.regnamespace)
SELECT 'i', i.indrelid, pg_catalog.array_to_string(i.keys[0:i.n - 1], ' '), i.flags, '', '' FROM i
UNION ALL
SELECT 'c', a.attrelid, a.attnum::pg_catalog.text, a.attname::pg_catalog.text, a.atttypid::pg_catalog.text,
  (a.attnum - (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute d
    WHERE d.attrelid = a.attrelid AND d.attnum BETWEEN 1 AND a.attnum AND d.attisdropped))::pg_catalog.text
FROM pg_catalog.pg_attribute a
WHERE (a.attrelid, a.attnum) IN (SELECT i.indrelid, pg_catalog.unnest(i.keys) FROM i) AND a.attnum > 0
  AND a.atttypid IN (16, 20, 21, 23, 25, 1043, 2950) AND a.attgenerated = '' AND NOT a.attisdropped
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_collation l WHERE l.oid = a.attcollation AND NOT l.collisdeterministic))";

// search_path is empty, so types that are not built in have their schemas.
constexpr std::string_view kOverloads = R"(
SELECT n.nspname, p.proname, pg_catalog.array_to_string(ARRAY(
  SELECT pg_catalog.format_type(a.type, NULL)
  FROM pg_catalog.unnest(p.proargtypes::pg_catalog.oid[]) WITH ORDINALITY AS a(type, n) ORDER BY a.n), ', ')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid >= 16384 AND p.prokind <> 'p' AND n.nspname !~ '^pg_temp_')";

#undef PGWEIR_EFFECTFUL_CTE

constexpr std::array<std::string_view, kCatalogQueryCount> kQueries = {
    kRelations, kInheritance, kViews,       kTypes,       kColumnTypes, kFunctions, kOperators,
    kCasts,     kCode,        kStoredCalls, kForeignKeys, kIndexes,     kOverloads};

}  // namespace

std::span<const std::string_view> catalog_queries() { return kQueries; }

}  // namespace pgweir::query
