-- A few rows that everybody wants, as users' interest is.
\set aid random_zipfian(1, 1000, 1.5)
\set bid random(1, 2)
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
SELECT bbalance FROM pgbench_branches WHERE bid = :bid;
