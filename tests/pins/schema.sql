create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table t (id int primary key, gone int, a int, b text, c bigint, v varchar(4), f boolean, n numeric, h char(3),
  ci text collate nocase, d double precision, g int generated always as (a + 1) stored);
alter table t drop column gone;
create index on t (a, b);
create index on t (c);
create index on t (v);
create index on t (f);
create index on t (n);
create index on t (h);
create index on t (ci);
create index on t (d);
create index on t (g);
create index on t (lower(b));
create unique index on t (b collate nocase) where a > 2;
alter table t replica identity full;
create table u (id bigint, k int, t_id int references t on delete cascade on update cascade, w text, primary key (id, k));
create index on u (t_id);
create index on u (w) where k > 1;
create table p (id int, r int, x text, primary key (id, r)) partition by list (r);
create table p0 partition of p for values in (0);
create table p1 (x text, r int not null, id int not null, primary key (id, r));
alter table p attach partition p1 for values in (1, 2);
create table p2 partition of p default;
create index on p (x);
create table m (id smallint primary key, parent smallint references m on delete cascade, note text);
create index on m (parent);
create view vt as select id, a, b from t where a is not null;
insert into t (id, a, b, c, v, f, n, h, ci, d)
  select i, i % 3, (array['a', 'A', 'b', 'a ', 'ab'])[1 + i % 5], 9007199254740990 + i, (array['a', 'b'])[1 + i % 2], i % 2 = 0,
    i, (array['a', 'b'])[1 + i % 2], (array['a', 'A', 'b'])[1 + i % 3], 9007199254740990 + i from generate_series(0, 6) i;
insert into t (id, a) values (7, null);
insert into u select i % 4, i / 4, i % 5, (array['a', 'b'])[1 + i % 2] from generate_series(0, 11) i;
insert into p select i % 3, i % 4, (array['a', 'b'])[1 + i % 2] from generate_series(0, 11) i;
insert into m select i, nullif(i / 2, 0), (array['a', 'b'])[1 + i % 2] from generate_series(1, 7) i;
