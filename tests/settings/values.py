"""Which settings there are, and for each some values besides its own."""

from scratch import wire

# Where the next number or name would say nothing, do harm, or is not known to the catalog.
CHOSEN = {
    "DateStyle": ["German, DMY", "SQL, DMY"],
    "IntervalStyle": ["iso_8601", "sql_standard"],
    "TimeZone": ["America/New_York", "Asia/Kolkata"],
    "timezone_abbreviations": ["Australia", "India"],
    "extra_float_digits": ["0", "-5"],
    "search_path": ["north, public", "south, public"],
    "client_encoding": ["LATIN1", "WIN1252"],
    "client_min_messages": ["debug5", "error"],
    "default_text_search_config": ["pg_catalog.english", "pg_catalog.german"],
    "default_tablespace": ["pg_default"],
    "default_table_access_method": ["heap"],
    "temp_tablespaces": ["pg_default"],
    "lc_messages": ["POSIX", "C"],
    "lc_monetary": ["POSIX", "C"],
    "lc_numeric": ["POSIX", "C"],
    "lc_time": ["POSIX", "C"],
    "local_preload_libraries": ["$libdir/plugins/none"],
    "session_preload_libraries": ["plpgsql"],
    "dynamic_library_path": ["$libdir:/nowhere", "/nowhere:$libdir"],
    "restrict_nonsystem_relation_kind": ["view", "foreign-table"],
    "application_name": ["one", "two"],
    "backtrace_functions": ["one", "two"],
    "wal_consistency_checking": ["heap", "btree"],
    "work_mem": ["64kB", "1MB"],
    "seq_page_cost": ["1000", "0"],
    "post_auth_delay": ["0"],
    "statement_timeout": ["1h", "2h"],
    "lock_timeout": ["1h", "2h"],
    "idle_in_transaction_session_timeout": ["1h", "2h"],
    "idle_session_timeout": ["1h", "2h"],
    "deadlock_timeout": ["1h", "2h"],
    "log_min_duration_statement": ["1h", "2h"],
    "log_min_duration_sample": ["1h", "2h"],
}

# What pg_settings does not list: settings of applications, and who one is.
UNLISTED = {
    "app.tenant": ("user", ["red", "blue"]),
    "role": ("user", ["other", "app"]),
    "session_authorization": ("superuser", ["app", "other"]),
}

# Written as lists of names in SET.
LISTS = {"DateStyle", "search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries",
         "restrict_nonsystem_relation_kind"}

LISTED = """
SELECT name, context, vartype, setting, min_val, max_val, array_to_string(enumvals, ' '), unit FROM pg_settings
WHERE context IN ('user', 'superuser', 'backend', 'superuser-backend') ORDER BY name
"""


class Setting:
    def __init__(self, name, context, values):
        self.name = name
        self.context = context
        self.values = values  # two, or one if there is no other
        self.tells = name in UNLISTED  # some probe has another answer under some value
        self.function = "none"  # see make_functions

    @property
    def user(self):
        """Who changes it."""
        return "app" if self.context in ("user", "backend") else "postgres"

    def set(self, value, scope=""):
        return f"SET {scope}{self.name} TO {self.quoted(value)}"

    def quoted(self, value):
        parts = value.split(", ") if self.name in LISTS else [value]
        return ", ".join(f"'{part}'" for part in parts)

    def config(self, value, local="false"):
        return f"set_config('{self.name}', '{value}', {local})"

    def option(self, value):
        escaped = value.replace("\\", "\\\\").replace(" ", "\\ ")
        return {"options": f"-c {self.name}={escaped}"}


def candidates(name, kind, value, least, most, choices):
    if name in CHOSEN:
        return CHOSEN[name]
    if kind == "bool":
        return ["off" if value == "on" else "on", value]
    if kind == "enum":
        return [choice for choice in choices.split() if choice != value]
    if kind == "string":
        return ["one", "two"]
    number = float(value) if kind == "real" else int(value)
    limits = [float(least), float(most)] if kind == "real" else [int(least), int(most)]
    return [f"{other:g}" if kind == "real" else str(other) for other in (number + 1, number + 2, number - 1, number - 2, *limits) if limits[0] <= other <= limits[1]]


def accepted(cluster, database, setting, values):
    """Those that PostgreSQL takes; two at most."""
    taken = []
    for value in values:
        fixed = setting.context in ("backend", "superuser-backend")
        try:
            with wire.Connection(cluster.host, cluster.port, database, parameters=setting.option(value) if fixed else {}) as session:
                session.rows("SELECT 1" if fixed else f"SELECT {setting.config(value)}")
        except (wire.ServerError, wire.Closed):
            continue
        if value not in taken:
            taken.append(value)
    return taken[:2]


def all_settings(cluster, database):
    """Every setting that some session can change, with its values."""
    found = [Setting(name, context, values) for name, (context, values) in UNLISTED.items()]
    for name, context, kind, value, least, most, choices, _ in cluster.sql(LISTED, database):
        setting = Setting(name, context, [])
        setting.values = accepted(cluster, database, setting, candidates(name, kind, value, least, most, choices or ""))
        found.append(setting)
    return found
