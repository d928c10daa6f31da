"""ALTER ROLE and ALTER DATABASE: what sessions begin with. Sessions that are there already keep what they have."""

from scratch import wire
from settings.teller import Teller

# Of a database it would shut everybody out, pgweir's own sessions too.
NOT_OF_A_DATABASE = ("local_preload_libraries",)
OLD_SESSIONS_MAX = 24


def alter(place, statements):
    """Every other one through pgweir."""
    ports = (place.cluster.port, place.proxy.port)
    sessions = [wire.Connection("127.0.0.1", port, "postgres") for port in ports]
    for number, sql in enumerate(statements):
        try:
            sessions[number % 2].rows(sql)
        except wire.ServerError:
            pass  # what a role or database cannot have; then there is nothing to see, on both sides
    for session in sessions:
        session.close()


def role_of(number):
    return f"sets_{number}"


def make_roles(place, settings):
    place.cluster.sql("; ".join(
        f"CREATE ROLE {role_of(number)} LOGIN {'' if x.user == 'app' else 'SUPERUSER'} IN ROLE app, other"
        for number, x in enumerate(settings)))


def begins_with(place, x, user, counts):
    """A new session, with answers of others, who have asked for other settings, in the cache."""
    teller = Teller(place, user, counts=counts)
    for parameters in (x.option(x.values[-1]), {x.name: x.values[0]}):
        teller.warmer(parameters)
    teller.probe()
    teller.do(x.set(x.values[-1]), f"RESET {x.name}").probe()
    return teller


def tell_roles(place, settings, ways, attempt):
    """ways: {name: Counts}. attempt: runs a story for a setting, and reports."""
    alter(place, [f"ALTER ROLE {role_of(n)} SET {x.name} TO {x.quoted(x.values[0])}" for n, x in enumerate(settings)])
    place.settle()
    old = []
    for number, x in enumerate(settings):
        teller = attempt("ALTER ROLE", x, lambda x=x, n=number: begins_with(place, x, role_of(n), ways["ALTER ROLE"]))
        if teller and x.tells and len(old) < OLD_SESSIONS_MAX:
            old.append((number, x, teller))
        elif teller:
            teller.close()
    altered = [(number, x) for number, x, _ in old]
    alter(place, [f"ALTER ROLE {role_of(n)} IN DATABASE {place.database} SET {x.name} TO {x.quoted(x.values[-1])}" for n, x in altered])
    place.settle()
    for number, x, teller in old:
        way = "ALTER ROLE IN DATABASE, session before"
        teller.counts = ways[way]
        teller.runs_code = True  # the cache is empty
        attempt(way, x, lambda t=teller, x=x: t.probe() and t.do(f"RESET {x.name}").probe())
        teller.close()
    for number, x in altered:
        way = "ALTER ROLE IN DATABASE"
        teller = attempt(way, x, lambda x=x, n=number: begins_with(place, x, role_of(n), ways[way]))
        if teller:
            teller.close()


def tell_database(place, settings, ways, attempt):
    way = "ALTER DATABASE"
    settings = [x for x in settings if x.name not in NOT_OF_A_DATABASE]
    alter(place, [f"ALTER DATABASE {place.database} SET {x.name} TO {x.quoted(x.values[0])}" for x in settings])
    place.settle()
    for x in settings:
        teller = attempt(way, x, lambda x=x: begins_with(place, x, x.user, ways[way]))
        if teller:
            teller.close()
    alter(place, [f"ALTER DATABASE {place.database} RESET {x.name}" for x in settings])
    place.settle()
