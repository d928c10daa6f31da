"""Two sessions with one history: one on PostgreSQL directly, one through pgweir. What they get must be the same."""

from scratch import wire


class Differs(Exception):
    """A reply through pgweir is not the direct one."""


def is_chatter(item):
    """A notice that tells of a statement's run and not of its result."""
    if item.kind != "N":
        return False
    fields = wire.error_fields(item.body)
    # PostgreSQL says the last only when the backend has not read its text search configuration before.
    return fields["V"] in ("LOG", "DEBUG") or fields["M"].endswith("despite IgnoreSystemIndexes")


def comparable(messages):
    return [item for item in messages if item.kind != "K" and not is_chatter(item)]


def show(messages):
    if messages is None:
        return "nothing"
    return "; ".join(map(repr, messages))[:600]


class Pair:
    """Both log in at once. What ends both sessions alike (a refused login) leaves the pair ended."""

    def __init__(self, cluster, proxy, database, user="postgres", parameters=None):
        self.history = []
        self.ended = [False, False]
        self.sides = [wire.Connection(cluster.host, cluster.port), wire.Connection(proxy.host, proxy.port)]
        login = {"user": user, "database": database, **(parameters or {})}
        try:
            self.ask([(f"log in: {login}", wire.startup(login))])
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for side in self.sides:
            side.close()

    @property
    def is_open(self):
        return not any(self.ended)

    def do(self, *statements):
        """Simple queries, one after the other; the reply to the last."""
        for sql in statements:
            (reply,) = self.ask([(sql, wire.query(sql))])
        return reply

    def ask(self, named, is_history=True):
        """named: [(what it is, its messages)], each answered up to ReadyForQuery; sent as one. Their replies."""
        if is_history:
            self.history += [name for name, _ in named]
        direct = self.ask_side(0, named)
        through = self.ask_side(1, named)
        self.compare(named, direct, through)
        return through

    def compare(self, named, direct, through):
        for (name, _), wanted, got in zip(named, direct, through):
            if wanted != got:
                story = "\n         ".join(self.history[-12:])
                raise Differs(f"[{name}]\n  after  {story}\n  direct:  {show(wanted)}\n  through: {show(got)}")

    def ask_side(self, side, named):
        """0: direct, 1: through pgweir. None for each reply after the end of the session."""
        if not self.ended[side]:
            try:
                self.sides[side].send(b"".join(body for _, body in named))
            except OSError:
                pass  # what it said before it ended can still be read
        return [self._reply(side) for _ in named]

    def _reply(self, side):
        if self.ended[side]:
            return None
        messages = self.sides[side].read_until("Z")
        self.ended[side] = messages[-1].kind == "closed"
        return comparable(messages)
