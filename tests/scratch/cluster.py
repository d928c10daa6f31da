"""A private PostgreSQL cluster."""

import signal

from scratch import wire
from scratch.process import SERVER_BIN, Child, ScratchDirectory, as_server_user, free_port, give_to_server_user, run, wait_until

# Every user has this password where one is asked for.
PASSWORD = "correct horse"

HBA = """
local   all         all                         trust
hostssl all         tls_only     127.0.0.1/32   scram-sha-256
hostnossl all       tls_only     127.0.0.1/32   reject
host    all         scram_user   127.0.0.1/32   scram-sha-256
host    all         md5_user     127.0.0.1/32   md5
host    all         plain_user   127.0.0.1/32   password
host    all         refused_user 127.0.0.1/32   reject
host    replication all          127.0.0.1/32   trust
host    all         all          127.0.0.1/32   trust
"""

# With TLS only. One client certificate is trusted, that of cert_user.
TLS_HBA = """
hostssl all         cert_user    127.0.0.1/32   cert
hostssl all         both_user    127.0.0.1/32   password clientcert=verify-ca
"""

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "logical",
    "max_connections": "200",
    "max_prepared_transactions": "20",
    "listen_addresses": "'127.0.0.1'",
    "password_encryption": "'scram-sha-256'",
}


class Cluster:
    """Use as a context manager. Superuser `postgres`; users and TLS as HBA says."""

    def __init__(self, name, tls=False, settings=None, locale="C.UTF-8"):
        self.directory = ScratchDirectory(name)
        self.port = free_port()
        self.host = "127.0.0.1"
        self.data = self.directory.path / "data"
        self.certificate = self.directory.path / "server.crt"
        self.key = self.directory.path / "server.key"
        self.client_certificate = self.directory.path / "client.crt"
        self.client_key = self.directory.path / "client.key"
        self.child = None
        self._initialise(locale)
        if tls:
            make_certificate(self.certificate, self.key)
            make_certificate(self.client_certificate, self.client_key, name="cert_user")
        self._configure({**SETTINGS, **(settings or {})}, tls)

    @property
    def path(self):
        return self.directory.path

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            if self.child is not None:
                self.child.stop(signal.SIGINT)
        finally:
            self.directory.__exit__()

    def _initialise(self, locale):
        initdb = [SERVER_BIN / "initdb", "--pgdata", self.data, "--username=postgres", "--auth=trust"]
        run(as_server_user(initdb + ["--no-sync", "--encoding=UTF8", f"--locale={locale}"]), cwd="/")

    def _configure(self, settings, tls):
        lines = [f"port = {self.port}", f"unix_socket_directories = '{self.path}'"]
        lines += [f"{name} = {value}" for name, value in settings.items()]
        if tls:
            lines += ["ssl = on", f"ssl_cert_file = '{self.certificate}'", f"ssl_key_file = '{self.key}'",
                      f"ssl_ca_file = '{self.client_certificate}'"]
        with open(self.data / "postgresql.conf", "a") as file:
            file.write("\n".join(lines) + "\n")
        (self.data / "pg_hba.conf").write_text(TLS_HBA + HBA if tls else HBA)

    def restart(self):
        """All connections are cut."""
        self.child.stop(signal.SIGINT)
        self._launch()

    def _launch(self):
        command = as_server_user([SERVER_BIN / "postgres", "-D", self.data])
        self.child = Child("postgres", command, self.path / "postgres.log")
        wait_until("postgres", lambda: wire.answers(self.host, self.port), alive=self.child.running)

    def _start(self):
        self._launch()
        for user in ("scram_user", "plain_user", "refused_user", "tls_only", "cert_user", "both_user"):
            self.sql(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")
        self.sql(f"SET password_encryption = 'md5'; CREATE ROLE md5_user LOGIN PASSWORD '{PASSWORD}'")

    def sql(self, text, database="postgres"):
        """Runs statements as superuser; returns the rows of the last as lists of text, or raises."""
        with wire.Connection(self.host, self.port, database=database) as connection:
            return connection.rows(text)


class Standby(Cluster):
    """A copy of a running cluster that follows it, until it is promoted."""

    def __init__(self, name, primary):
        self.primary = primary
        super().__init__(name)

    def _initialise(self, locale):
        del locale  # the primary's
        source = f"host={self.primary.host} port={self.primary.port} user=postgres"
        backup = [SERVER_BIN / "pg_basebackup", "-d", source, "-D", self.data, "-R", "-X", "stream", "-c", "fast"]
        run(as_server_user(backup), cwd="/")

    def _start(self):
        self._launch()


def make_certificate(certificate, key, name="localhost"):
    """Self-signed, of this name, and for localhost and 127.0.0.1."""
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}"]
    run(command + ["-addext", names, "-keyout", key, "-out", certificate])
    for path in (certificate, key):
        give_to_server_user(path)
    key.chmod(0o600)
