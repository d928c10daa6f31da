-- What the probes read: permanent tables whose replies depend on settings, and code that changes settings.
CREATE ROLE app LOGIN NOINHERIT;
CREATE ROLE other LOGIN;
GRANT other TO app;

CREATE TABLE moment (id int PRIMARY KEY, at timestamptz, stamp timestamp, day date, clock time, span interval);
INSERT INTO moment VALUES
  (1, '2024-03-10 12:34:56.789+00', '2024-02-03 04:05:06', '2024-02-03', '04:05:06', '1 year 2 mons 3 days 04:05:06'),
  (2, '2024-07-01 00:00:00+00', '2024-03-02 23:59:59.5', '2024-03-02', '23:59:59', '-1 days +02:03:00');
CREATE TABLE amount (id int PRIMARY KEY, ratio float8, small float4, exact numeric, price money, raw bytea, parts float8[],
                     gone int);
INSERT INTO amount VALUES
  (1, 0.1::float8 + 0.2::float8, 1.1, 1.100, 1234.5, '\x00deadbeef5c27', '{0.1,1e-7,3.3333333333333335}', NULL),
  (2, 1e300, 1e-30, 1e-20, -0.07, '\x6162', '{NaN,Infinity}', 7);
CREATE TABLE phrase (id int PRIMARY KEY, body text, accents text, document xml);
INSERT INTO phrase VALUES (1, 'the running cats', 'caf' || chr(233), '<a>1</a>'), (2, E'a\\nb', 'plain', '<b/>'), (3, 'NULL', 'x', NULL);

-- Their rows lie in another order than their index says, so that the plan shows.
CREATE TABLE heap (id int PRIMARY KEY, other int, tag text);
INSERT INTO heap SELECT n, n % 7, 'tag ' || n % 5 FROM generate_series(60, 1, -1) n;
CREATE TABLE twin (id int PRIMARY KEY, heap_id int);
INSERT INTO twin SELECT (n * 37) % 61, n FROM generate_series(1, 60) n;
CREATE TABLE sliced (id int, part int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE sliced_1 PARTITION OF sliced FOR VALUES IN (1);
CREATE TABLE sliced_2 PARTITION OF sliced FOR VALUES IN (2);
INSERT INTO sliced SELECT n, n % 2 + 1 FROM generate_series(1, 10) n;

CREATE VIEW seen AS SELECT id, day, ratio FROM moment JOIN amount USING (id);

CREATE SCHEMA north;
CREATE SCHEMA south;
CREATE TABLE north.placed (id int PRIMARY KEY, label text);
CREATE TABLE south.placed (LIKE north.placed INCLUDING ALL);
CREATE TABLE public.placed (LIKE north.placed INCLUDING ALL);
INSERT INTO north.placed VALUES (1, 'north');
INSERT INTO south.placed VALUES (1, 'south');
INSERT INTO public.placed VALUES (1, 'public');

-- What a setting of the application lets one see, and what a role does.
CREATE TABLE tenant_row (id int PRIMARY KEY, tenant text, owner text);
INSERT INTO tenant_row VALUES (1, 'red', 'app'), (2, 'blue', 'other'), (3, 'red', 'other');
ALTER TABLE tenant_row ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_tenant ON tenant_row USING (tenant = current_setting('app.tenant', true) OR owner <> current_user AND tenant = 'blue');
CREATE TABLE only_other (id int PRIMARY KEY);
INSERT INTO only_other VALUES (1);

CREATE TABLE made_by_trigger (name text, value text);
GRANT SELECT ON ALL TABLES IN SCHEMA public, north, south TO app, other;
GRANT USAGE ON SCHEMA north, south TO app, other;
GRANT INSERT ON made_by_trigger TO app, other;
REVOKE ALL ON only_other FROM app;

CREATE FUNCTION change(name text, value text) RETURNS text LANGUAGE plpgsql AS
  $$BEGIN RETURN set_config(name, value, false); END$$;
CREATE FUNCTION change_stably(name text, value text) RETURNS text LANGUAGE plpgsql STABLE AS
  $$BEGIN RETURN change(name, value); END$$;
CREATE FUNCTION change_from_row() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN PERFORM set_config(NEW.name, NEW.value, false); RETURN NULL; END$$;
CREATE TRIGGER changes BEFORE INSERT ON made_by_trigger FOR EACH ROW EXECUTE FUNCTION change_from_row();
CREATE PROCEDURE change_and_commit(name text, value text) LANGUAGE plpgsql AS
  $$BEGIN PERFORM set_config(name, value, false); COMMIT; END$$;
-- What the settings make of some rows, as code that runs under them sees it.
CREATE FUNCTION glance() RETURNS text LANGUAGE plpgsql AS $$
  BEGIN
    RETURN (SELECT concat_ws(' ', m.at, m.day, m.span, a.ratio, a.raw, p.label)
            FROM public.moment m JOIN public.amount a USING (id) JOIN placed p USING (id));
  EXCEPTION WHEN others THEN
    RETURN SQLERRM;
  END$$;
ANALYZE;
