CREATE TABLE product (id int PRIMARY KEY, name text NOT NULL, price numeric(10,2));
INSERT INTO product SELECT n, 'product ' || n, n * 1.5 FROM generate_series(1, 100) n;
CREATE TABLE note (id int, body text);
CREATE TABLE kinds (id int PRIMARY KEY, small int2, large int8, ratio float8, exact numeric, words text, raw bytea,
    yes bool, day date, moment timestamptz, span interval, label uuid, document jsonb, numbers int[]);
INSERT INTO kinds VALUES
    (1, -1, 9007199254740993, 0.1, 12.340, 'plain', '\x00ff', true, '2024-03-10', '2024-03-10 12:00:00.123456+00',
     '1 day 02:03:04', '00000000-0000-0000-0000-000000000007', '{"a": [1, null]}', '{1,2,NULL}'),
    (2, NULL, -1, 'NaN', 'NaN', 'Käse', '', false, '0044-03-15', '1999-12-31 23:59:59+00', '-1 month', NULL, 'null', '{}');
