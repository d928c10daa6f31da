// Which rows of its relations a statement depends on or changes, from its predicates and a catalog.
//
// A reply depends only on those rows of one FROM item that meet an equality which each joined row must
// meet to matter. Those are:
// - conjuncts of WHERE, for every item of that FROM list (an item that an outer join filled with nulls
//   meets no equality);
// - conjuncts of an inner join's ON, for every item within the join; of a left join's, for the items on its
//   right only, and the other way round; of a full join's, for none;
// - what WHERE and the joins above say of the preserved side of an outer join, for the other side too,
//   through its ON;
// - what follows from these: a.x = b.y and a.x = 1 give b.y = 1.
// Conditions of one query level say nothing about another: subqueries are pinned by their own.
#pragma once

#include "query/assess.h"
#include "query/catalog.h"
#include "query/statement.h"
#include "query/syntax.h"

namespace pgweir::query {

// REQUIRES: the verdict is cacheable, and its reads are set, sorted. Any thread.
void pin_reads(const Statement& statement, const Assessment& assessment, const Catalog& catalog,
               const SearchPath& path, Verdict& verdict);

// What the statement's only write changes, if it does not run code. Any thread.
std::vector<RelationPins> pin_changes(const Statement& statement, const Assessment& assessment,
                                      const Catalog& catalog, const SearchPath& path);

}  // namespace pgweir::query
