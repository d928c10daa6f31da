-- One of everything that a dump may hold.
CREATE SCHEMA "Odd Schema";
CREATE TYPE mood AS ENUM ('calm', 'alarmed');
CREATE TYPE pair AS (left_part int, right_part text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE SEQUENCE tickets START 100 INCREMENT 7;
CREATE TABLE plain (id serial PRIMARY KEY, words text, amount numeric(20,5), moment timestamptz, raw bytea, mood mood,
    both_parts pair, size positive, tags text[], document jsonb, period daterange, place point, address inet);
INSERT INTO plain (words, amount, moment, raw, mood, both_parts, size, tags, document, period, place, address)
    SELECT E'line\n\ttab \\ backslash ' || n, n / 7.0, timestamptz '2024-01-25 00:00+00' + n * interval '1 hour',
        decode(md5(n::text), 'hex'), CASE n % 2 WHEN 0 THEN 'calm' ELSE 'alarmed' END::mood, ROW(n, 'x')::pair, n,
        ARRAY['a', NULL, n::text], jsonb_build_object('n', n), daterange('2024-01-01', '2024-01-01'::date + n),
        point(n, -n), ('10.0.0.' || n % 256)::inet
    FROM generate_series(1, 3000) n;
INSERT INTO plain DEFAULT VALUES;
CREATE TABLE "Odd Schema"."Odd ""Table""" (id int PRIMARY KEY REFERENCES plain, "from" text DEFAULT 'käse 表');
INSERT INTO "Odd Schema"."Odd ""Table""" SELECT n FROM generate_series(1, 50) n;
CREATE TABLE large (id int, body text);
INSERT INTO large SELECT n, repeat(md5(n::text), 3000) FROM generate_series(1, 60) n;
CREATE TABLE sale (day date, amount int) PARTITION BY RANGE (day);
CREATE TABLE sale_early PARTITION OF sale FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE TABLE sale_late PARTITION OF sale FOR VALUES FROM ('2024-01-01') TO (MAXVALUE);
INSERT INTO sale SELECT date '2023-12-01' + n, n FROM generate_series(1, 100) n;
CREATE TABLE generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int GENERATED ALWAYS AS IDENTITY);
INSERT INTO generated (a) SELECT n FROM generate_series(1, 10) n;
CREATE UNLOGGED TABLE fleeting (id int);
INSERT INTO fleeting VALUES (1);
CREATE VIEW calm AS SELECT id, words FROM plain WHERE mood = 'calm';
CREATE MATERIALIZED VIEW totals AS SELECT mood, count(*) AS n FROM plain GROUP BY mood;
CREATE INDEX ON plain (lower(words)) WHERE mood = 'calm';
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.words := coalesce(new.words, ''stamped''); RETURN new; END';
CREATE TRIGGER stamp BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE RULE quiet AS ON DELETE TO large DO INSTEAD NOTHING;
ALTER TABLE large ENABLE ROW LEVEL SECURITY;
CREATE POLICY small ON large USING (id < 10);
COMMENT ON TABLE plain IS 'of every kind';
SELECT nextval('tickets') FROM generate_series(1, 5);
SELECT lo_from_bytea(0, '\xdeadbeef');
