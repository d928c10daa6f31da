-- What the freshness checker writes and reads. A kind of cell is a table, or several that must agree; each
-- holds version 0 of ids 1 to 3.
CREATE TABLE plain (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE pair_left (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE pair_right (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE twin (id int, side int, v bigint NOT NULL, PRIMARY KEY (id, side));
CREATE TABLE upserted (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE merged (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE log (id int, side int, v bigint, PRIMARY KEY (id, side, v));
CREATE TABLE board (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE viewed (id int PRIMARY KEY, v bigint NOT NULL);
CREATE VIEW view_of AS SELECT id, v FROM viewed;
CREATE TABLE promised_left (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE promised_right (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE called (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE procedural (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE swapped (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE one_row (id int PRIMARY KEY);
CREATE TABLE direct_left (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE direct_right (id int PRIMARY KEY, v bigint NOT NULL);

CREATE TABLE moved (id int, part int, v bigint NOT NULL, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE moved_0 PARTITION OF moved FOR VALUES IN (0);
CREATE TABLE moved_1 PARTITION OF moved FOR VALUES IN (1);

CREATE TABLE parent (id int PRIMARY KEY, v bigint NOT NULL, UNIQUE (id, v));
CREATE TABLE child (id int PRIMARY KEY, v bigint NOT NULL,
  FOREIGN KEY (id, v) REFERENCES parent (id, v) ON UPDATE CASCADE ON DELETE CASCADE);

CREATE TABLE source (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE mirror (id int PRIMARY KEY, v bigint NOT NULL);
CREATE FUNCTION copy_to_mirror() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE mirror SET v = NEW.v WHERE id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER copy AFTER UPDATE ON source FOR EACH ROW EXECUTE FUNCTION copy_to_mirror();

CREATE TABLE early (id int PRIMARY KEY, v bigint NOT NULL);
CREATE TABLE late (id int PRIMARY KEY, v bigint NOT NULL);
CREATE FUNCTION copy_to_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE late SET v = NEW.v WHERE id = NEW.id;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER copy AFTER UPDATE ON early DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION copy_to_late();

CREATE FUNCTION call_set(cell int, version bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE called SET v = version WHERE id = cell AND v < version;
  RETURN version;
END $$;
CREATE FUNCTION stable_set(cell int, version bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN call_set(cell, version);
END $$;
CREATE FUNCTION sql_set(cell int, version bigint) RETURNS void LANGUAGE sql AS $$
  UPDATE called SET v = version WHERE id = cell AND v < version;
$$;
CREATE FUNCTION caught_set(cell int, version bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    UPDATE called SET v = 1000000000 WHERE id = cell;
    RAISE division_by_zero;
  EXCEPTION WHEN division_by_zero THEN NULL;
  END;
  EXECUTE format('UPDATE %I SET v = %s WHERE id = %s AND v < %s', 'called', version, cell, version);
END $$;
CREATE PROCEDURE set_twice(cell int, first bigint, second bigint) LANGUAGE plpgsql AS $$
BEGIN
  UPDATE procedural SET v = first WHERE id = cell AND v < first;
  COMMIT;
  UPDATE procedural SET v = second WHERE id = cell AND v < second;
END $$;

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['plain', 'pair_left', 'pair_right', 'upserted', 'merged', 'viewed',
    'promised_left', 'promised_right', 'called', 'procedural', 'parent', 'child', 'source', 'mirror',
    'early', 'late', 'direct_left', 'direct_right']
  LOOP
    EXECUTE format('INSERT INTO %I SELECT g, 0 FROM generate_series(1, 3) g', name);
  END LOOP;
END $$;
INSERT INTO twin SELECT g, side, 0 FROM generate_series(1, 3) g, generate_series(1, 2) side;
INSERT INTO log SELECT g, side, 0 FROM generate_series(1, 3) g, generate_series(1, 2) side;
INSERT INTO moved SELECT g, 0, 0 FROM generate_series(1, 3) g;
INSERT INTO board SELECT g, 0 FROM generate_series(1, 4) g;
INSERT INTO swapped VALUES (1, 0);
INSERT INTO one_row VALUES (1);
CREATE VIEW shown AS SELECT 1 AS id, 0::bigint AS v FROM one_row;

-- What sessions with different settings read.
CREATE ROLE clerk;
CREATE ROLE guest;
CREATE TABLE stamp (id int PRIMARY KEY, touched int NOT NULL, at timestamptz, day date, ratio float8, raw bytea,
  span interval, nothing int);
INSERT INTO stamp VALUES (1, 0, '2024-03-10 12:34:56+00', '2024-02-03', 0.1::float8 + 0.2::float8, '\x00ff41',
  '1 year 2 days 03:04:05', NULL), (2, 0, '2024-03-08 23:30:00+00', '2024-03-02', 1e-7, '\x5c27', '-1 day', NULL);
CREATE SCHEMA north;
CREATE SCHEMA south;
CREATE TABLE north.placed (id int PRIMARY KEY, label text);
CREATE TABLE south.placed (id int PRIMARY KEY, label text);
INSERT INTO north.placed VALUES (1, 'north');
INSERT INTO south.placed VALUES (1, 'south');
CREATE TABLE vault (id int PRIMARY KEY, secret text);
INSERT INTO vault VALUES (1, 'gold');
GRANT USAGE ON SCHEMA north, south TO clerk, guest;
GRANT SELECT ON stamp, north.placed, south.placed TO clerk, guest;
GRANT SELECT ON vault TO clerk;
