#include "kinds.h"

#include <algorithm>
#include <array>

namespace pgweir::freshness {
namespace {

Kind plain() {
  return {.name = "plain",
          .shapes = {{"SELECT id, v FROM plain WHERE id = {id}"},
                     {"SELECT id, v FROM plain WHERE id IN ({id}, {other})", Asks::kTwo},
                     {"SELECT id, v FROM plain WHERE id BETWEEN {id} AND {other} ORDER BY id", Asks::kRange},
                     {"SELECT sum(v)::bigint FROM plain", Asks::kAll, Form::kSum},
                     {"SELECT a.id, a.v, b.v FROM plain a JOIN plain b ON b.id = a.id WHERE a.id = {id}"},
                     {"SELECT id, v FROM plain ORDER BY v DESC, id LIMIT 1", Asks::kAll, Form::kSome}},
          .writes = {
              {"UPDATE", {"UPDATE plain SET v = {v} WHERE id = {id} AND v < {v}"}},
              {"UPDATE in a CTE",
               {"WITH w AS (UPDATE plain SET v = {v} WHERE id = {id} AND v < {v} RETURNING id) "
                "SELECT count(*) FROM w"}},
              {"INSERT ON CONFLICT",
               {"INSERT INTO plain VALUES ({id}, {v}) ON CONFLICT (id) DO UPDATE SET v = excluded.v "
                "WHERE plain.v < excluded.v"}},
              {"COPY (UPDATE) TO",
               {"COPY (UPDATE plain SET v = {v} WHERE id = {id} AND v < {v} RETURNING id) TO STDOUT"}},
              {.name = "UPDATE WHERE CURRENT OF",
               .statements = {"DECLARE c CURSOR FOR SELECT id FROM plain WHERE id = {id} FOR UPDATE",
                              "FETCH 1 FROM c", "UPDATE plain SET v = greatest(v, {v}) WHERE CURRENT OF c",
                              "CLOSE c"},
               .needs_block = true,
               .runs_code = true},
              {.name = "EXPLAIN ANALYZE UPDATE",
               .statements = {"EXPLAIN (ANALYZE, COSTS off, TIMING off) UPDATE plain SET v = {v} "
                              "WHERE id = {id} AND v < {v}"}},
              {.name = "PREPARE and EXECUTE",
               .statements = {"PREPARE w{v}(bigint, int) AS UPDATE plain SET v = $1 WHERE id = $2 AND v < $1",
                              "EXECUTE w{v}({v}, {id})", "DEALLOCATE w{v}"},
               .runs_code = true},
              {.name = "DO",
               .statements = {"DO $$BEGIN UPDATE plain SET v = {v} WHERE id = {id} AND v < {v}; END$$"},
               .runs_code = true}}};
}

Kind pair() {
  return {
      .name = "pair",
      .shapes =
          {{"SELECT id, v FROM pair_left WHERE id = {id}"},
           {"SELECT id, v FROM pair_right WHERE id = {id}"},
           {"SELECT l.id, l.v, r.v FROM pair_left l JOIN pair_right r ON r.id = l.id WHERE l.id = {id}"},
           {"SELECT id, v, (SELECT r.v FROM pair_right r WHERE r.id = l.id) FROM pair_left l", Asks::kAll},
           {"SELECT id, v FROM pair_left UNION ALL SELECT id, v FROM pair_right", Asks::kAll},
           {"SELECT count(*) FROM pair_left l JOIN pair_right r USING (id) WHERE l.v <> r.v", Asks::kAll,
            Form::kNever}},
      .writes = {{"two UPDATEs",
                  {"UPDATE pair_left SET v = {v} WHERE id = {id} AND v < {v}",
                   "UPDATE pair_right SET v = {v} WHERE id = {id} AND v < {v}"}},
                 {"UPDATE and a CTE's UPDATE",
                  {"WITH l AS (UPDATE pair_left SET v = {v} WHERE id = {id} AND v < {v} RETURNING id) "
                   "UPDATE pair_right SET v = {v} FROM l WHERE pair_right.id = l.id"}}}};
}

Kind twin() {
  return {
      .name = "twin",
      .shapes = {{"SELECT id, v FROM twin WHERE id = {id} AND side = 1"},
                 {"SELECT id, v FROM twin WHERE id = {id} ORDER BY side"},
                 {"SELECT id, min(v), max(v) FROM twin GROUP BY id", Asks::kAll},
                 {"SELECT a.id, a.v, b.v FROM twin a JOIN twin b USING (id) WHERE a.side = 1 AND b.side = 2 "
                  "AND a.id = {id}"}},
      .writes = {{"UPDATE of two rows", {"UPDATE twin SET v = {v} WHERE id = {id} AND v < {v}"}},
                 {"UPDATEs of one row each",
                  {"UPDATE twin SET v = {v} WHERE id = {id} AND side = 1 AND v < {v}",
                   "UPDATE twin SET v = {v} WHERE id = {id} AND side = 2 AND v < {v}"}}}};
}

Kind upserted() {
  return {
      .name = "upserted",
      .shapes = {{"SELECT id, v FROM upserted WHERE id = {id}"},
                 {"SELECT id, v FROM upserted", Asks::kAll},
                 {"SELECT id, max(v) FROM upserted WHERE id IN ({id}, {other}) GROUP BY id", Asks::kTwo}},
      .writes = {{"INSERT or UPDATE",
                  {"INSERT INTO upserted VALUES ({id}, {v}) ON CONFLICT (id) DO UPDATE SET v = excluded.v"}},
                 {"DELETE", {"DELETE FROM upserted WHERE id = {id}"}, true},
                 {"DELETE and INSERT",
                  {"DELETE FROM upserted WHERE id = {id}", "INSERT INTO upserted VALUES ({id}, {v})"}}},
      .is_exclusive = true};
}

Kind merged() {
  return {
      .name = "merged",
      .shapes = {{"SELECT id, v FROM merged WHERE id = {id}"}, {"SELECT id, v FROM merged", Asks::kAll}},
      .writes = {{"MERGE that inserts or updates",
                  {"MERGE INTO merged m USING (SELECT {id}::int AS id, {v}::bigint AS v) s ON m.id = s.id "
                   "WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)"}},
                 {"MERGE that deletes",
                  {"MERGE INTO merged m USING (SELECT {id}::int AS id) s ON m.id = s.id "
                   "WHEN MATCHED THEN DELETE"},
                  true}},
      .is_exclusive = true};
}

Kind log() {
  return {.name = "log",
          .shapes = {{"SELECT id, max(v) FROM log WHERE id = {id} GROUP BY id"},
                     {"SELECT id, max(v) FILTER (WHERE side = 1), max(v) FILTER (WHERE side = 2) FROM log "
                      "GROUP BY id",
                      Asks::kAll},
                     {"SELECT id, v FROM log WHERE id = {id} AND side = 2 ORDER BY v DESC LIMIT 1"}},
          .writes = {{.name = "COPY FROM",
                      .statements = {"COPY log FROM STDIN"},
                      .copy_data = "{id}\t1\t{v}\n{id}\t2\t{v}\n"},
                     {"INSERT", {"INSERT INTO log VALUES ({id}, 1, {v}), ({id}, 2, {v})"}},
                     {"INSERT and DELETE of what is old",
                      {"INSERT INTO log SELECT {id}::int, side, {v}::bigint FROM generate_series(1, 2) side",
                       "DELETE FROM log WHERE id = {id} AND v < {v}"}}}};
}

Kind board() {
  return {
      .name = "board",
      .shapes = {{"SELECT 1, v FROM board ORDER BY id", Asks::kAll},
                 {"SELECT 1, min(v), max(v) FROM board", Asks::kAll},
                 {"SELECT 1, v FROM board WHERE id = 2", Asks::kAll}},
      .writes = {{"TRUNCATE", {"TRUNCATE board"}, true},
                 {"TRUNCATE and INSERT",
                  {"TRUNCATE board", "INSERT INTO board SELECT g, {v}::bigint FROM generate_series(1, 4) g"}},
                 {.name = "TRUNCATE and COPY",
                  .statements = {"TRUNCATE board", "COPY board FROM STDIN"},
                  .needs_block = true,
                  .copy_data = "1\t{v}\n2\t{v}\n3\t{v}\n4\t{v}\n"}},
      .cells = 1,
      .is_exclusive = true,
      .keeps_snapshots = false};
}

Kind viewed() {
  return {.name = "viewed",
          .shapes = {{"SELECT id, v FROM viewed WHERE id = {id}"},
                     {"SELECT id, v FROM view_of WHERE id = {id}"},
                     {"SELECT t.id, t.v, w.v FROM viewed t JOIN view_of w USING (id)", Asks::kAll}},
          .writes = {{"UPDATE of a view", {"UPDATE view_of SET v = {v} WHERE id = {id} AND v < {v}"}}},
          .runs_code = true};
}

Kind promised() {
  return {
      .name = "promised",
      .shapes = {{"SELECT id, v FROM promised_left WHERE id = {id}"},
                 {"SELECT id, v FROM promised_right WHERE id = {id}"},
                 {"SELECT id, l.v, r.v FROM promised_left l JOIN promised_right r USING (id)", Asks::kAll}},
      .writes = {{"two-phase commit",
                  {"UPDATE promised_left SET v = {v} WHERE id = {id}",
                   "UPDATE promised_right SET v = {v} WHERE id = {id}"}}},
      .is_exclusive = true,
      .runs_code = true,
      .is_two_phase = true};
}

Kind moved() {
  return {
      .name = "moved",
      .shapes = {{"SELECT id, v FROM moved WHERE id = {id}"},
                 {"SELECT id, v FROM moved", Asks::kAll},
                 {"SELECT id, v FROM moved_0", Asks::kAll, Form::kSome},
                 {"SELECT id, v FROM moved_1 WHERE id = {id}", Asks::kOne, Form::kSome}},
      .writes = {{"UPDATE that moves a row to another partition",
                  {"UPDATE moved SET v = {v}, part = ({v}::bigint % 2)::int WHERE id = {id} AND v < {v}"}}}};
}

Kind cascading() {
  return {.name = "cascading",
          .shapes = {{"SELECT id, v FROM parent WHERE id = {id}"},
                     {"SELECT id, v FROM child WHERE id = {id}"},
                     {"SELECT p.id, p.v, c.v FROM parent p LEFT JOIN child c ON c.id = p.id", Asks::kAll},
                     {"SELECT id, v FROM child", Asks::kAll}},
          .writes = {{"UPDATE that cascades", {"UPDATE parent SET v = {v} WHERE id = {id}"}, false, true},
                     {"INSERTs",
                      {"INSERT INTO parent VALUES ({id}, {v}) ON CONFLICT (id) DO UPDATE SET v = excluded.v",
                       "INSERT INTO child VALUES ({id}, {v}) ON CONFLICT (id) DO NOTHING"}},
                     {"DELETE that cascades", {"DELETE FROM parent WHERE id = {id}"}, true}},
          .is_exclusive = true};
}

Kind triggered() {
  return {.name = "triggered",
          .shapes = {{"SELECT id, v FROM source WHERE id = {id}"},
                     {"SELECT id, v FROM mirror WHERE id = {id}"},
                     {"SELECT s.id, s.v, m.v FROM source s JOIN mirror m USING (id)", Asks::kAll}},
          .writes = {{"UPDATE with a trigger", {"UPDATE source SET v = {v} WHERE id = {id} AND v < {v}"}}},
          .runs_code = true};
}

Kind deferred() {
  return {
      .name = "deferred",
      .shapes = {{"SELECT id, v FROM early WHERE id = {id}"},
                 {"SELECT id, v FROM late WHERE id = {id}"},
                 {"SELECT e.id, e.v, l.v FROM early e JOIN late l USING (id)", Asks::kAll}},
      .writes = {{"UPDATE with a deferred trigger", {"UPDATE early SET v = {v} WHERE id = {id} AND v < {v}"}},
                 {"UPDATE and SET CONSTRAINTS",
                  {"UPDATE early SET v = {v} WHERE id = {id} AND v < {v}", "SET CONSTRAINTS ALL IMMEDIATE"},
                  false,
                  false,
                  true}},
      .runs_code = true};
}

Kind called() {
  return {.name = "called",
          .shapes = {{"SELECT id, v FROM called WHERE id = {id}"}, {"SELECT id, v FROM called", Asks::kAll}},
          .writes = {{"a function in SELECT", {"SELECT call_set({id}, {v})"}},
                     {"a function that says it is STABLE", {"SELECT stable_set({id}, {v})"}},
                     {"a function in SQL", {"SELECT sql_set({id}, {v})"}},
                     {"a function that catches an error", {"SELECT caught_set({id}, {v})"}},
                     {"a function in VALUES", {"VALUES (call_set({id}, {v}))"}},
                     {"a function in a cursor",
                      {"DECLARE c CURSOR FOR SELECT call_set({id}, {v})", "FETCH ALL FROM c", "CLOSE c"},
                      false,
                      false,
                      true}},
          .runs_code = true};
}

Kind procedural() {
  return {.name = "procedural",
          .shapes = {{"SELECT id, v FROM procedural WHERE id = {id}"},
                     {"SELECT id, v FROM procedural", Asks::kAll}},
          .writes = {{.name = "CALL with COMMIT inside",
                      .statements = {"CALL set_twice({id}, {u}, {v})"},
                      .commits_inside = true},
                     {.name = "DO with COMMIT inside",
                      .statements =
                          {"DO $$BEGIN UPDATE procedural SET v = {u} WHERE id = {id} AND v < {u}; COMMIT; "
                           "UPDATE procedural SET v = {v} WHERE id = {id} AND v < {v}; END$$"},
                      .commits_inside = true}},
          .runs_code = true};
}

Kind swapped() {
  return {.name = "swapped",
          .shapes = {{"SELECT id, v FROM swapped WHERE id = {id}"},
                     {"SELECT s.id, s.v FROM swapped s JOIN one_row USING (id)", Asks::kAll}},
          .writes = {{"another table of the same name",
                      {"CREATE TABLE swapped_next (id int PRIMARY KEY, v bigint NOT NULL)",
                       "INSERT INTO swapped_next VALUES (1, {v})", "DROP TABLE swapped",
                       "ALTER TABLE swapped_next RENAME TO swapped"}}},
          .cells = 1,
          .is_exclusive = true,
          .runs_code = true,
          .keeps_snapshots = false};
}

Kind shown() {
  return {.name = "shown",
          .shapes = {{"SELECT id, v FROM shown WHERE id = {id}"}, {"SELECT id, v FROM shown", Asks::kAll}},
          .writes = {{"CREATE OR REPLACE VIEW",
                      {"CREATE OR REPLACE VIEW shown AS SELECT 1 AS id, {v}::bigint AS v FROM one_row"}}},
          .cells = 1,
          .is_exclusive = true,
          .runs_code = true,
          .keeps_snapshots = false};
}

Kind direct() {
  return {.name = "direct",
          .shapes = {{"SELECT id, v FROM direct_left WHERE id = {id}"},
                     {"SELECT id, v FROM direct_right WHERE id = {id}"},
                     {"SELECT id, l.v, r.v FROM direct_left l JOIN direct_right r USING (id)", Asks::kAll}},
          .writes = {{"two UPDATEs, directly",
                      {"UPDATE direct_left SET v = {v} WHERE id = {id} AND v < {v}",
                       "UPDATE direct_right SET v = {v} WHERE id = {id} AND v < {v}"}}},
          .is_direct = true};
}

}  // namespace

const std::vector<Kind>& all_kinds() {
  static const std::vector<Kind> kKinds = {
      plain(), pair(),      twin(),      upserted(), merged(), log(),        board(),   viewed(), promised(),
      moved(), cascading(), triggered(), deferred(), called(), procedural(), swapped(), shown(),  direct(),
  };
  return kKinds;
}

std::string name_of(const Kind& kind, const Write& write) {
  return std::string(kind.name) + ": " + write.name;
}

bool takes_parameters(std::string_view statement) {
  static constexpr auto kWords = std::to_array<std::string_view>(
      {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "CALL"});
  const bool begins = std::ranges::any_of(kWords, [&](auto word) { return statement.starts_with(word); });
  return begins || statement.find('{') == std::string_view::npos;
}

}  // namespace pgweir::freshness
