"""TLS between client and pgweir, and between pgweir and PostgreSQL."""

import contextlib
import shutil
import socket
import ssl

from scratch import wire
from scratch.cluster import PASSWORD, make_certificate
from scratch.process import ScratchDirectory
from serve.scenario import address_of_this_machine, holds, same, scenario, trusting, url

IN_USE = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@contextlib.contextmanager
def certificates(*names):
    """[(certificate, key)] of these names, made anew."""
    with ScratchDirectory("certificates") as directory:
        pairs = [(directory / f"{name}.crt", directory / f"{name}.key") for name in names]
        for pair in pairs:
            make_certificate(*pair)
        yield pairs


def certificate_of(session):
    return session.socket.getpeercert(binary_form=True)


def in_file(path):
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def direct_tls(pgweir, context):
    """A connection whose first byte is TLS, without SSLRequest."""
    opened = socket.create_connection(("127.0.0.1", pgweir.port), timeout=30)
    return pgweir.keep(context.wrap_socket(opened, server_hostname="localhost"))


@scenario
def client_by_tls(stage):
    with certificates("client_side") as [(certificate, key)]:
        with stage.pgweir(server_tls_cert=certificate, server_tls_key=key) as pgweir:
            for alpn in (True, False):
                same("after SSLRequest", pgweir.session(tls=trusting(certificate, alpn)).rows("SELECT 1"), [["1"]])
            same("without TLS", pgweir.session().rows("SELECT 1"), [["1"]])
            other = trusting(certificate, alpn=False)
            other.set_alpn_protocols(["http/1.1"])
            try:
                pgweir.raw(tls=other)
            except ssl.SSLError as error:
                holds(f"it is the protocol that is refused: {error}", "no application protocol" in str(error))
            else:
                raise AssertionError("another protocol was accepted")


@scenario
def client_by_direct_tls(stage):
    with certificates("client_side") as [(certificate, key)]:
        with stage.pgweir(server_tls_cert=certificate, server_tls_key=key) as pgweir:
            a = direct_tls(pgweir, trusting(certificate))
            same("protocol", a.socket.selected_alpn_protocol(), "postgresql")
            a.login({"user": "postgres", "database": "postgres"})
            same("direct TLS", a.rows("SELECT 1"), [["1"]])
            nameless = direct_tls(pgweir, trusting(certificate, alpn=False))
            with contextlib.suppress(ConnectionError):
                nameless.send(wire.startup({"user": "postgres", "database": "postgres"}))
            same("without a protocol's name", nameless.read_until("closed")[0].kind, "closed")


@scenario
def certificate_reload(stage):
    with certificates("first", "second") as [first, second], ScratchDirectory("in-use") as directory:
        certificate, key = directory / "server.crt", directory / "server.key"

        def put(pair):
            for source, target in zip(pair, (certificate, key)):
                shutil.copy(source, target)

        put(first)
        with stage.pgweir(server_tls_cert=certificate, server_tls_key=key) as pgweir:
            old = pgweir.session(tls=trusting(first[0]))
            put(second)
            same("before SIGHUP", certificate_of(pgweir.session(tls=trusting())), in_file(first[0]))
            pgweir.reload()
            new = pgweir.session(tls=trusting(second[0]))
            same("after SIGHUP", certificate_of(new), in_file(second[0]))
            put((first[0], second[1]))
            log = pgweir.reload()
            holds(f"a key of another certificate is refused: {log}", "nothing has changed" in log and str(key) in log)
            same("after that", certificate_of(pgweir.session(tls=trusting())), in_file(second[0]))
            for session in (old, new):
                same("sessions from before", session.rows("SELECT 1"), [["1"]])
            pgweir.reload(server_tls_cert=None, server_tls_key=None)
            same("without a certificate", pgweir.session().rows("SELECT 1"), [["1"]])
            try:
                pgweir.raw(tls=trusting())
            except AssertionError as error:
                holds(f"TLS is declined: {error}", "b'N'" in str(error))
            else:
                raise AssertionError("TLS without a certificate")


@scenario
def upstream_without_tls(stage):
    with stage.pgweir() as pgweir:
        for mode in ("disable", "allow", "prefer"):
            pgweir.reload(upstream_url=url(stage.plain.port, sslmode=mode))
            same(mode, pgweir.session().rows(IN_USE), [["f"]])
        root = stage.secure.certificate
        for mode in (dict(sslmode="require"), dict(sslmode="verify-ca", sslrootcert=root), dict(sslmode="verify-full", sslrootcert=root)):
            pgweir.reload(upstream_url=url(stage.plain.port, **mode))
            refused(pgweir, "has no TLS")


@scenario
def upstream_by_tls(stage):
    port = stage.secure.port
    with certificates("stranger") as [(stranger, _)], stage.pgweir() as pgweir:
        root = stage.secure.certificate
        accepted = [
            ("disable", "f", url(port, sslmode="disable")),
            ("prefer", "t", url(port)),
            ("require", "t", url(port, sslmode="require")),
            ("require does not verify", "t", url(port, sslmode="require", sslrootcert=stranger)),
            ("verify-ca", "t", url(port, sslmode="verify-ca", sslrootcert=root)),
            ("verify-ca, another address", "t", url(port, host="127.0.0.2", sslmode="verify-ca", sslrootcert=root)),
            ("verify-full", "t", url(port, sslmode="verify-full", sslrootcert=root)),
            ("verify-full by name", "t", url(port, host="localhost", sslmode="verify-full", sslrootcert=root)),
        ]
        for what, encrypted, upstream in accepted:
            pgweir.reload(upstream_url=upstream)
            same(what, pgweir.session().rows(IN_USE), [[encrypted]])
        for mode in ("verify-ca", "verify-full"):
            pgweir.reload(upstream_url=url(port, sslmode=mode, sslrootcert=stranger))
            refused(pgweir, "self-signed certificate")
        pgweir.reload(upstream_url=url(port, host="127.0.0.2", sslmode="verify-full", sslrootcert=root))
        refused(pgweir, "IP address mismatch")


def refused(pgweir, why):
    fields = pgweir.refusal()
    same("SQLSTATE", fields["C"], "08006")
    holds(f"the message says {why}: {fields['M']}", why in fields["M"])


@scenario
def tls_on_both_sides(stage):
    """And a large result both ways through it."""
    with certificates("client_side") as [(certificate, key)]:
        upstream = url(stage.secure.port, sslmode="verify-full", sslrootcert=stage.secure.certificate)
        with stage.pgweir(upstream, server_tls_cert=certificate, server_tls_key=key) as pgweir:
            a = pgweir.session(tls=trusting(certificate))
            same("to PostgreSQL", a.rows(IN_USE), [["t"]])
            [[value]] = a.rows("SELECT repeat('0123456789', 100000)")
            same("a large value", value == "0123456789" * 100000, True)
            same("and back", a.rows(f"SELECT length('{value}')"), [[str(len(value))]])


@scenario
def client_certificates(stage):
    """PostgreSQL sees pgweir's certificate, or none: a client's own ends at pgweir."""
    own = {"sslmode": "require", "sslcert": stage.secure.client_certificate, "sslkey": stage.secure.client_key}
    with stage.pgweir(url(stage.secure.port, sslmode="require")) as pgweir:
        for user in ("cert_user", "both_user"):
            fields = pgweir.refusal(user=user)
            same("SQLSTATE without a certificate", fields["C"], "28000")
            holds(f"PostgreSQL's own words: {fields['M']}", "requires a valid client certificate" in fields["M"])
        pgweir.reload(upstream_url=url(stage.secure.port, **own))
        same("pgweir's own certificate", pgweir.session(user="cert_user").rows("SELECT current_user"), [["cert_user"]])
        same("a wrong password beside it", login_with_password(pgweir, "both_user", "wrong"), "28P01")
        same("the right one", login_with_password(pgweir, "both_user", PASSWORD), None)
        if remote := address_of_this_machine():
            fields = pgweir.refusal(user="cert_user", source=remote)
            same("a remote client, for whom nothing speaks", fields["C"], "28000")
            holds(f"what to do is said: {fields}", "allow_passwordless_remote" in fields["H"])


def login_with_password(pgweir, user, password):
    """Where it is asked for in clear; the SQLSTATE of the refusal, or None."""
    connection = pgweir.raw()
    connection.send(wire.startup({"user": user, "database": "postgres"}))
    same("a password is asked for", connection.read_until("R", "E")[-1].body, b"\0\0\0\3")
    connection.send(wire.message("p", wire.cstring(password)))
    last = connection.read_until("Z", "E")[-1]
    return wire.error_fields(last.body)["C"] if last.kind == "E" else None
