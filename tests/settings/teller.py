"""Tells a story of settings to a pair of sessions, and asks the probes, with the cache full of others' answers."""

from scratch import wire
from scratch.pair import Pair
from scratch.process import wait_until
from settings.probes import messages

CONTROL = "SELECT id FROM heap WHERE id = 1"
# The order of rows is the plan's, and a prepared statement may keep one that it was given under other settings.
IN_NO_ORDER = ("FROM heap", "FROM sliced")


class Counts:
    def __init__(self):
        self.asked = 0  # probes outside of transactions that have changed something
        self.hits = 0
        self.in_transactions = 0


class Place:
    """A database and both ways to it."""

    def __init__(self, cluster, proxy, database):
        self.cluster = cluster
        self.proxy = proxy
        self.database = database
        self.probes = messages()
        self._control = None

    def close(self):
        if self._control is not None:
            self._control.close()

    def hits(self):
        return sum(count for (outcome, _), count in self.proxy.lookups().items() if outcome == "hit")

    def pair(self, user, parameters=None):
        return Pair(self.cluster, self.proxy, self.database, user, parameters)

    def settle(self):
        """Until the cache answers again: what users' code may have written has been followed."""
        if not self.proxy.counts:
            return
        if self._control is None:
            self._control = wire.Connection(self.proxy.host, self.proxy.port, self.database)

        def hit():
            before = self.hits()
            self._control.rows(CONTROL)
            return self.hits() > before

        wait_until("a hit", hit, seconds=20)


class Warmer:
    """A session whose settings stay: its answers lie in the cache while others, with other settings, ask."""

    def __init__(self, place, user, parameters):
        self.place = place
        self.pair = place.pair(user, parameters)
        self.answers = self.pair.ask(place.probes, is_history=False)

    def warm(self):
        if self.pair.is_open:
            self.pair.compare(self.place.probes, self.answers, self.pair.ask_side(1, self.place.probes))


class Teller:
    """One setting's sessions: the one that the stories are told to, and warmers with its values."""

    def __init__(self, place, user, counts=None):
        self.place = place
        self.user = user
        self.counts = counts or Counts()
        self.pair = place.pair(user)
        self.warmers = []
        self.runs_code = False
        self.named = []

    def close(self):
        for pair in [self.pair, *(warmer.pair for warmer in self.warmers)]:
            pair.close()

    def warmer(self, parameters):
        self.warmers.append(Warmer(self.place, self.user, parameters))
        return self.warmers[-1].answers

    def begin(self, runs_code):
        """Of a story: everything as at log-in."""
        self.runs_code = runs_code
        self.pair.history.clear()
        if self.pair.is_open:
            self.pair.do("ROLLBACK", "DISCARD ALL")
        if not self.pair.is_open:
            self.restart()

    def restart(self):
        self.pair.close()
        self.pair = self.place.pair(self.user)

    def do(self, *statements):
        self.pair.do(*statements)
        return self

    def ask(self, name, raw):
        self.pair.ask([(name, raw)])
        return self

    def probe(self, first=(), in_transaction=False):
        """first: sent in front of them, in one go."""
        if self.runs_code:
            self.place.settle()
            for warmer in self.warmers:
                warmer.warm()
        before = self.place.hits()
        self.pair.history += [name for name, _ in first]
        answers = self.pair.ask([*first, *self.place.probes], is_history=False)
        if in_transaction:
            self.counts.in_transactions += len(self.place.probes)
        else:
            self.counts.asked += len(self.place.probes)
            self.counts.hits += self.place.hits() - before
        return answers

    def prepare(self):
        self.named = []
        for number, (name, _) in enumerate(self.place.probes):
            if name.endswith("(simple)") and not any(table in name for table in IN_NO_ORDER):
                self.named.append((f"named: {name}", f"named_{number}"))
                sql = name.removesuffix(" (simple)")
                self.pair.ask([(f"prepare {sql}", wire.parse(sql, f"named_{number}") + wire.sync())], is_history=False)
        return self

    def execute(self):
        asked = [(name, wire.bind(statement=statement) + wire.describe("P") + wire.execute() + wire.sync())
                 for name, statement in self.named]
        before = self.place.hits()
        self.pair.ask(asked, is_history=False)
        self.counts.asked += len(asked)
        self.counts.hits += self.place.hits() - before
        return self
