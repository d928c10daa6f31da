-- Roles of every kind, and what they may read.
CREATE ROLE team;
CREATE ROLE reader LOGIN;
CREATE ROLE member LOGIN IN ROLE team;
CREATE ROLE outsider LOGIN NOINHERIT IN ROLE team;
CREATE ROLE keeper LOGIN;
CREATE ROLE heir;
CREATE ROLE victim LOGIN;
CREATE ROLE chief LOGIN SUPERUSER;

CREATE TABLE item (id int PRIMARY KEY, name text, price int, owner text);
INSERT INTO item VALUES (1, 'apple', 10, 'reader'), (2, 'pear', 20, 'member'), (3, 'plum', 30, 'keeper');
CREATE TABLE secret (id int PRIMARY KEY, word text);
INSERT INTO secret VALUES (1, 'known');
CREATE TABLE split (id int, part int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE split_1 PARTITION OF split FOR VALUES IN (1);
INSERT INTO split VALUES (1, 1), (2, 1);
CREATE VIEW shown AS SELECT id, word FROM secret;
CREATE VIEW invoked WITH (security_invoker) AS SELECT id, word FROM secret;
CREATE SCHEMA inner_room;
CREATE TABLE inner_room.thing (id int PRIMARY KEY, name text);
INSERT INTO inner_room.thing VALUES (1, 'lamp');
CREATE FUNCTION tell() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT word FROM public.secret WHERE id = 1';

ALTER TABLE item OWNER TO keeper;
ALTER VIEW shown OWNER TO keeper;
ALTER FUNCTION tell() OWNER TO keeper;
GRANT SELECT ON secret TO keeper, team;
GRANT SELECT ON item, split, shown, invoked TO reader, team, keeper, victim;
GRANT USAGE ON SCHEMA inner_room TO reader, team;
GRANT SELECT ON inner_room.thing TO reader, team;
ANALYZE;
