-- What one does with psql all day. Run three times over on the same database.
DROP TABLE IF EXISTS book, author CASCADE;
CREATE TABLE author (id serial PRIMARY KEY, name text UNIQUE NOT NULL);
CREATE TABLE book (id serial PRIMARY KEY, author int REFERENCES author, title text, price numeric(8,2), printed date);
INSERT INTO author (name) VALUES ('Ada'), ('Grace'), ('Edith') RETURNING *;
INSERT INTO book (author, title, price, printed)
  SELECT n % 3 + 1, 'Book ' || n, n * 1.1, date '2000-01-01' + n FROM generate_series(1, 50) n;
\d book
\dt
SELECT a.name, count(*), sum(price) FROM book b JOIN author a ON a.id = b.author GROUP BY 1 ORDER BY 1;
SELECT a.name, count(*), sum(price) FROM book b JOIN author a ON a.id = b.author GROUP BY 1 ORDER BY 1;
\x on
SELECT * FROM book WHERE id = 7;
SELECT * FROM book WHERE id = 7;
\x off
\pset format csv
SELECT title, price FROM book WHERE author = 2 ORDER BY id LIMIT 3;
\pset format aligned
UPDATE book SET price = price * 2 WHERE id = 7;
SELECT price FROM book WHERE id = 7;
DELETE FROM book WHERE id = 8 RETURNING title;
SELECT count(*) FROM book;
SELECT count(*) FROM book \gset before_
\echo there were :before_count
-- COPY both ways
\copy (SELECT id, title FROM book WHERE id < 4 ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)
COPY author (name) FROM STDIN;
Katherine
Dorothy
\.
SELECT name FROM author ORDER BY id;
COPY author TO STDOUT;
-- transactions, savepoints, errors
BEGIN;
SELECT price FROM book WHERE id = 9;
UPDATE book SET price = 0 WHERE id = 9;
SELECT price FROM book WHERE id = 9;
SAVEPOINT s;
SELECT 1 / 0;
SELECT price FROM book WHERE id = 9;
ROLLBACK TO s;
SELECT price FROM book WHERE id = 9;
ROLLBACK;
SELECT price FROM book WHERE id = 9;
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT nonsense;
SELECT name FROM author WHERE id = 1;
COMMIT;
\set ON_ERROR_ROLLBACK off
\set VERBOSITY verbose
SELECT title FROM bok;
\set VERBOSITY default
-- several statements in one message
SELECT 1 \; SELECT title FROM book WHERE id = 1 \; SELECT 2;
-- cursors, prepared statements, FETCH_COUNT
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM book ORDER BY id;
FETCH 3 FROM c;
FETCH BACKWARD 1 FROM c;
COMMIT;
PREPARE by_id (int) AS SELECT title FROM book WHERE id = $1;
EXECUTE by_id(3);
EXECUTE by_id(3);
DEALLOCATE by_id;
\set FETCH_COUNT 10
SELECT id FROM book WHERE id <= 25 ORDER BY id;
\unset FETCH_COUNT
SELECT title FROM book WHERE printed = :'day' \g
\set day 2000-01-11
SELECT title FROM book WHERE printed = :'day';
SELECT title FROM book WHERE id = 2 \gdesc
SELECT 'SELECT ' || id || ' AS n' FROM book WHERE id < 3 ORDER BY id \gexec
SELECT author, title, price FROM book WHERE id < 5 \crosstabview author title price
-- settings
SHOW search_path;
SET DateStyle = 'German';
SELECT printed FROM book WHERE id = 1;
SET DateStyle = 'ISO';
SELECT printed FROM book WHERE id = 1;
SET extra_float_digits = -3;
SELECT price::float8 / 3 FROM book WHERE id = 1;
RESET ALL;
SELECT price::float8 / 3 FROM book WHERE id = 1;
\encoding LATIN1
SELECT title FROM book WHERE id = 1;
\encoding UTF8
-- notices, functions, blocks
CREATE OR REPLACE FUNCTION raise_price(by numeric) RETURNS int LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN UPDATE book SET price = price + by; GET DIAGNOSTICS n = ROW_COUNT; RAISE NOTICE 'raised %', n; RETURN n; END $$;
SELECT sum(price) FROM book;
SELECT raise_price(1);
SELECT sum(price) FROM book;
DO $$BEGIN PERFORM raise_price(2); END$$;
SELECT sum(price) FROM book;
-- definitions that change
ALTER TABLE book ADD COLUMN pages int DEFAULT 100;
SELECT * FROM book WHERE id = 1;
SELECT * FROM book WHERE id = 1;
ALTER TABLE book RENAME COLUMN pages TO leaves;
SELECT * FROM book WHERE id = 1;
TRUNCATE book;
SELECT count(*) FROM book;
CREATE TEMP TABLE author (id int);
SELECT * FROM author;
DROP TABLE author;
SELECT count(*) FROM author;
-- large objects
SELECT lo_from_bytea(4242, '\xcafe');
SELECT lo_get(4242);
SELECT lo_unlink(4242);
