"""What a report holds, and how the command fails."""

import json


def names(relations):
    return [relation["relation"] for relation in relations]


def test_relations_and_rows(command):
    report = command.json("SELECT name FROM item WHERE id IN (7, $1)", "-p", "8", "--role", "pgweir")
    assert report["reads"] == [{"relation": "public.item", "kind": "table", "published": True, "replica_identity": "default"}]
    assert report["rows"] == [{"relation": "public.item", "predicates": ["id IN (7, $1)"], "advice": None}]
    assert report["writes"] is None and report["rule"] is None
    status, text = command.text("SELECT name FROM item WHERE id = 7", "--role", "pgweir")
    assert status == 0
    assert "public.item (table, published, replica identity default)" in text, text
    assert "public.item: id = 7" in text, text
    assert "\x1b" not in text, text


def test_a_table_that_is_not_published(command):
    assert command.json("SELECT line FROM log")["reads"][0]["published"] is False
    report = command.json("SELECT line FROM log", "--role", "pgweir")
    assert report["detail"] == "public.log", report


def test_promises(command):
    sql = "SELECT name FROM item"
    full = command.json(sql, "--role", "pgweir")["freshness"]
    assert full == {"promise": "full", "followed_as": "pgweir", "missing": []}, full
    unknown = command.json(sql)["freshness"]
    assert unknown["promise"] == "fences and TTL only" and unknown["followed_as"] is None, unknown
    nobody = command.json(sql, "--role", "nobody")
    assert nobody["freshness"]["missing"][0]["code"] == "role_missing", nobody
    assert "full, if" in command.text(sql)[1]


def test_the_key_has_what_differs_from_the_defaults(command):
    command.cluster.sql("CREATE ROLE keyed LOGIN; GRANT SELECT ON item TO keyed", command.database)
    command.cluster.sql("ALTER ROLE keyed SET DateStyle = 'German'; ALTER ROLE keyed SET search_path = public, pg_catalog")
    command.cluster.sql("ALTER ROLE keyed SET plpgsql.extra_warnings = 'all'")
    key = command.json("SELECT name FROM item", user="keyed")["key"]
    assert key["database"] == "shop" and key["current_user"] == "keyed" == key["session_user"], key
    assert key["search_path"] == ["public", "pg_catalog"], key
    assert key["settings"]["DateStyle"] == "German, DMY", key
    # Without asking to explain more: it is no part of the key.
    explained = command.json("SELECT name FROM item", user="keyed", options="-c pgweir.explain=on")["key"]
    assert explained == key, explained


def test_settings_of_extensions_are_not_shown(command):
    command.cluster.sql("ALTER DATABASE shop SET session_preload_libraries = 'plpgsql'")
    command.cluster.sql("ALTER DATABASE shop SET plpgsql.extra_warnings = 'shadowed_variables'")
    key = command.json("SELECT name FROM item")["key"]
    assert key["settings"]["plpgsql.extra_warnings"] is None, key
    assert "plpgsql.extra_warnings = (not shown)" in command.text("SELECT name FROM item")[1]


def test_writes(command):
    report = command.json("UPDATE item SET name = 'x' WHERE id = $1")
    assert report["reason"] == "not_read" and names(report["writes"]["relations"]) == ["public.item"], report
    assert report["writes"]["rows"] == [{"relation": "public.item", "predicates": ["id = $1"], "advice": None}], report
    assert report["writes"]["everything"] is False and report["writes"]["why"] is None
    report = command.json("DO 'BEGIN END'")
    assert report["writes"] == {"everything": True, "why": "a procedure or block may do anything", "relations": [], "rows": []}
    assert "cannot be told, so everything: there is no relation" in command.text("DELETE FROM nowhere")[1]


def test_statement_from_standard_input(command):
    assert command.json("-", text="SELECT name FROM item WHERE name = 'ö'")["cacheable"]


def test_nothing_is_run(command):
    command.text("INSERT INTO item VALUES (99, 'never')")
    assert command.cluster.sql("SELECT count(*) FROM item WHERE id = 99", command.database) == [["0"]]


def test_config_gives_server_and_login(command):
    path = command.cluster.path / "pgweir.toml"
    path.write_text(f'[upstream]\nurl = "postgres://127.0.0.1:{command.cluster.port}"\n[sync]\nuser = "pgweir"\n')
    status, out, _ = command.raw("--config", str(path), "--url", command.url(), "--format", "json", "SELECT name FROM item")
    assert status == 0 and json.loads(out)["freshness"]["followed_as"] == "pgweir", out
    path.write_text("[upstream]\nurll = 1\n")
    status, out, error = command.raw("--config", str(path), "SELECT 1")
    assert status == 2 and "urll" in error and out == "", (status, out, error)


RULES = """
[[rule]]
name = "drafts"
relation = "public.draft"
accept_ttl = true
[[rule]]
name = "one"
template = "%s"
bypass = true
"""


def test_rules_of_the_config_count(command):
    by_name = "SELECT name FROM item WHERE name = 'fig'"
    template = command.json(by_name)["template"]
    assert len(template) == 16 and template == command.json(by_name.replace("fig", "x"))["template"], template
    assert command.json("SELEC 1")["template"] is None
    path = command.cluster.path / "rules.toml"
    path.write_text(RULES % template)
    drafts = command.json("SELECT id FROM draft", "--config", str(path), "--role", "pgweir")
    assert drafts["cacheable"] and drafts["rule"] == "drafts", drafts
    assert drafts["freshness"]["promise"] == "fences and TTL only", drafts
    one = command.json(by_name, "--config", str(path))
    assert (one["reason"], one["detail"], one["rule"]) == ("rule", "one", "one"), one
    assert command.json("SELECT name FROM item WHERE id = 7", "--config", str(path))["rule"] is None
    status, text = command.text("SELECT id FROM draft WHERE id = 1", "--config", str(path))
    assert status == 0 and "rule        drafts" in text and "template    " in text, text
    path.write_text(RULES % "no")
    status, out, error = command.raw("--config", str(path), "--url", command.url(), "SELECT 1")
    assert status == 2 and "rule.template" in error and out == "", (status, out, error)


def test_hints_count(command):
    report = command.json("SELECT id FROM draft /* pgweir: accept_ttl */")
    assert report["cacheable"] and report["rule"] is None, report


def test_errors_say_what_to_do(command):
    status, out, error = command.raw("SELECT 1")
    assert status == 2 and "--url is needed" in error and out == "", error
    status, out, error = command.raw("--url", "postgres://postgres:hush@127.0.0.1:1/x", "SELECT 1")
    assert status == 2 and "--url takes" in error and "hush" not in error, error
    status, out, error = command.raw("--url", "postgres://postgres:hush@:::/x", "--format", "json", "SELECT 1")
    assert status == 2 and "hush" not in out + error and "error" in json.loads(out), out
    assert command.raw("--url", command.url())[0] == 2
    status, out, _ = command.raw("--help")
    assert status == 0 and "Examples:" in out
