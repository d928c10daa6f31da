-- Every script finds this, in a database of its own, as user postgres unless it says otherwise.
CREATE ROLE alice LOGIN;
CREATE ROLE bob LOGIN;
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, price int NOT NULL, owner text NOT NULL);
INSERT INTO item VALUES (1, 'apple', 10, 'alice'), (2, 'pear', 20, 'bob'), (3, 'plum', 30, 'alice');
CREATE TABLE event (id int PRIMARY KEY, at timestamptz NOT NULL, day date NOT NULL);
INSERT INTO event VALUES (1, '2024-03-10 12:00+00', '2024-03-10'), (2, '2024-03-08 08:30+00', '2024-03-08');
CREATE TABLE parent (id int PRIMARY KEY, name text);
CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO parent VALUES (1, 'one'), (2, 'two');
INSERT INTO child VALUES (10, 1), (11, 1), (20, 2);
GRANT SELECT, INSERT, UPDATE, DELETE ON item, event, parent, child TO alice, bob;
ANALYZE;
