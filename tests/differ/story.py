"""Sessions in pairs, one directly and one through pgweir, and what happens to them, at random."""

from differ.schema import READABLE
from differ.statements import Generator
from scratch import wire
from scratch.pair import Pair
from scratch.process import wait_until

USERS = ["postgres", "postgres", "alice"]
POOL = 40  # reads that come again
READS_IN_TRANSACTION = 5
READS_AROUND = 3
BEGIN = ["BEGIN", "BEGIN READ ONLY", "START TRANSACTION", "BEGIN ISOLATION LEVEL REPEATABLE READ"]
IN_TRANSACTION = ["SAVEPOINT s", "ROLLBACK TO s", "RELEASE s", "SET LOCAL extra_float_digits = 0", "SET LOCAL ROLE bob"]
MARKER = "SELECT v FROM public.marker WHERE id = 1"


class Admin:
    """Both ways to the database, as a superuser, and what is waited for there."""

    def __init__(self, cluster, proxy, database):
        self.proxy = proxy
        self.direct = wire.Connection(cluster.host, cluster.port, database)
        self.through = wire.Connection(proxy.host, proxy.port, database)
        self.marked = 0

    def close(self):
        self.direct.close()
        self.through.close()

    def settle(self):
        """Until the cache answers again after DDL and users' code."""

        def is_hit():
            before = self.proxy.lookups().get(("hit", "none"), 0)
            self.through.rows(MARKER)
            return self.proxy.lookups().get(("hit", "none"), 0) > before

        if self.proxy.counts:
            wait_until("a hit", is_hit)

    def write_directly(self, write):
        """Returns when pgweir has followed it: the marker's old value is in the cache, and only the change stream
        can end that."""
        self.settle()
        write()
        self.marked += 1
        self.direct.rows(f"UPDATE public.marker SET v = {self.marked} WHERE id = 1")
        wait_until("the change stream", lambda: self.through.rows(MARKER) == [[str(self.marked)]])


class Story:
    """Use as a context manager. A difference is raised as scratch.pair.Differs."""

    def __init__(self, cluster, proxy, database, random, shape, follows):
        self.random, self.follows = random, follows
        self.generator = Generator(random, shape)
        self.told = []
        self.reads = 0
        self.pool = []
        self.pairs = [Pair(cluster, proxy, database, user) for user in USERS]
        self.prepared = [{} for _ in self.pairs]  # of each pair: read to the name of its statement
        self.admin = Admin(cluster, proxy, database)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for item in [*self.pairs, self.admin]:
            item.close()

    def step(self):
        number = self.random.randrange(len(self.pairs))
        (action,) = self.random.choices([self.set, self.write, self.change, self.transaction, self.take_back, self.read],
                                        weights=[5, 8, 1, 2, 1, 83])
        action(number)

    def _tell(self, number, what):
        self.told = [*self.told, f"session {number}: {what}"][-200:]

    def _do(self, number, *statements):
        for sql in statements:
            self._tell(number, sql)
            self.pairs[number].do(sql)
            if sql == "DISCARD ALL":
                self.prepared[number].clear()

    def set(self, number):
        """What it may change lies in the cache."""
        reads = self.random.sample(self.pool, min(len(self.pool), READS_AROUND))
        self.ask(self.random.randrange(len(self.pairs)), reads)
        self._do(number, self.generator.setting())
        self.ask(number, reads)

    def write(self, number):
        """What it may change is asked before and after."""
        sql = self.generator.write()
        touched = [read for read in self.pool if any(f" {table} " in f"{read.sql} " and f" {table} " in sql for table in READABLE)]
        reads = self.random.sample(touched, min(len(touched), READS_AROUND))
        self.ask(number, reads)
        self._write(number, sql)
        self.ask(number, reads)

    def _write(self, number, sql):
        pair = self.pairs[number]
        if self.follows and self.random.random() < 0.4:
            self._tell(number, f"directly: {sql}")
            self.admin.write_directly(lambda: pair.ask_side(0, [(sql, wire.query(sql))]))
        else:
            self._tell(number, f"through: {sql}")
            pair.ask_side(1, [(sql, wire.query(sql))])

    def change(self, _):
        sql = self.generator.ddl()
        directly = self.follows and self.random.random() < 0.5
        self._tell("of a superuser", ("directly: " if directly else "through: ") + sql)
        if directly:
            self.admin.write_directly(lambda: self._try(self.admin.direct, sql))
        else:
            self._try(self.admin.through, sql)
        if self.random.random() < 0.8:
            self.admin.settle()

    @staticmethod
    def _try(connection, sql):
        try:
            connection.rows(sql)
        except wire.ServerError:
            pass  # it stands already, or what it needs does not

    def transaction(self, number):
        """Reads in a transaction, while others write."""
        others = [other for other in range(len(self.pairs)) if other != number]
        self._do(number, self.random.choice(BEGIN))
        for _ in range(READS_IN_TRANSACTION):
            self.read(number)
            chance = self.random.random()
            if chance < 0.2:
                self._write(self.random.choice(others), self.generator.write())
            elif chance < 0.4:
                self._do(number, self.random.choice(IN_TRANSACTION))
        self._do(number, self.random.choice(["COMMIT", "ROLLBACK", "END"]))

    def take_back(self, number):
        """A write that is rolled back, on both sides in turn, and what one sees meanwhile."""
        pair, write, read = self.pairs[number], self.generator.write(), self.generator.read()
        self._tell(number, f"BEGIN; {write}; {read}; ROLLBACK")
        statements = ["BEGIN", write, read, "ROLLBACK"]
        named = [(str(what), what.message() if what is read else wire.query(what)) for what in statements]
        replies = []
        for side in (0, 1):
            replies.append([pair.ask_side(side, [item])[0] for item in named])
        pair.compare(named, *replies)

    def read(self, number):
        """At times by another session too, with its own settings, or in other formats: what it must not be given lies
        in the cache."""
        reads = [self._choose() for _ in range(2 if self.random.random() < 0.1 else 1)]
        self.ask(number, reads)
        chance = self.random.random()
        if chance < 0.3:
            self.ask(self.random.randrange(len(self.pairs)), reads)
        elif chance < 0.5:
            self.ask(number, [read.in_other_formats(self.random) for read in reads])

    def ask(self, number, reads):
        """In one go: once directly and twice through pgweir; but what fails a transaction cannot come twice."""
        if not reads:
            return
        pair = self.pairs[number]
        self._tell(number, "; ".join(str(read) for read in reads))
        named = [(str(read), self._message(number, read)) for read in reads]
        direct = pair.ask_side(0, named)
        for _ in range(1 if direct[-1][-1] == ("Z", b"E") else 2):
            pair.compare(named, direct, pair.ask_side(1, named))
        self.reads += len(reads)

    def _choose(self):
        if self.pool and self.random.random() < 0.8:
            return self.random.choice(self.pool)
        self.pool = [*self.pool, self.generator.read()][-POOL:]
        return self.pool[-1]

    def _message(self, number, read):
        """As its protocol has it; what cannot be prepared is parsed each time."""
        if read.protocol != "named":
            return read.message()
        known = self.prepared[number]
        if read not in known:
            name = f"s{len(known)}"
            self._tell(number, f"prepare {name}: {read.sql}")
            (reply,) = self.pairs[number].ask([(f"prepare {read.sql}", read.parse(name) + wire.sync())], is_history=False)
            if reply[0].kind != "1":
                return read.message()
            known[read] = name
        return read.execute(known[read])
