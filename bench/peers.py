"""The servers that a user would pick instead: what `bench/install.sh` brings, each as durable as it can be set.

Each is pinned as the host is, writes into a folder of its own on the disk, and answers once a message is on it.
"""

import json
import os
import shutil
import subprocess
from typing import ClassVar

from cases import CHATS, Chat
from servers import FOLDER, Server

HOW_TO_GET = "make bench-peers installs it"
NATS_SYNCS = (2, 10)  # earlier versions sync every 2 minutes, whatever was acknowledged
SYNAPSE_HOME = FOLDER / "synapse"


class Peer(Server):
    """One of them; `takes` names the cases that it can do."""

    takes: ClassVar[frozenset[str]] = frozenset(
        name for name, case in CHATS.items() if not (case.direct or case.keyed or case.rate)
    )
    program = "peers"

    @classmethod
    def cases(cls) -> list[str]:
        """Return the names of the cases it takes part in, in their order."""
        return [name for name in CHATS if name in cls.takes]


class Redis(Peer):
    """Redis Streams, every write on disk before its answer."""

    name = "redis"
    does = (
        "appendfsync always: fsync before every answer; one stream a channel, XREAD by each subscriber; "
        "no accounts of members, rights, keys or rollback, no seq, mentions or inbox; all of it in memory"
    )

    def command(self) -> list[str]:
        words = f"redis-server --bind 127.0.0.1 --port {self.port} --appendonly yes --appendfsync always"
        return [*words.split(), "--dir", str(self.folder), "--save", ""]

    @staticmethod
    def available() -> str:
        return "" if shutil.which("redis-server") else f"redis-server is not installed; {HOW_TO_GET}"

    def load_options(self) -> list[str]:
        return ["-m", "redis"]


class Nats(Peer):
    """NATS JetStream, every write on disk before its answer."""

    name = "nats"
    does = (
        "JetStream, file storage, sync_interval always: fsync before every answer; one stream, a push consumer without "
        "acknowledgements a subscriber; no accounts of members, rights, keys or rollback, no mentions or inbox"
    )

    @staticmethod
    def binary() -> str:
        """Return where the server is: the one that was built here, else the system's."""
        return shutil.which("nats-server", path=f"{FOLDER / 'bin'}:{os.environ.get('PATH', '')}:/usr/sbin") or ""

    @classmethod
    def version(cls) -> tuple[int, int]:
        said = subprocess.run([cls.binary(), "--version"], capture_output=True, text=True, check=True).stdout
        major, minor = said.rsplit("v", 1)[1].split(".")[:2]
        return int(major), int(minor)

    @classmethod
    def available(cls) -> str:
        if not cls.binary():
            return f"nats-server is not installed; {HOW_TO_GET}"
        if cls.version() < NATS_SYNCS:
            return f"nats-server {cls.version()} acknowledges before it syncs, and cannot do otherwise; {HOW_TO_GET}"
        return ""

    def command(self) -> list[str]:
        store = json.dumps(str(self.folder))
        text = f"port: {self.port}\nhost: 127.0.0.1\njetstream {{ store_dir: {store}, sync_interval: always }}\n"
        (self.folder / "nats.conf").write_text(text)
        return [self.binary(), "-c", str(self.folder / "nats.conf")]

    def load_options(self) -> list[str]:
        return ["-m", "nats"]


class Synapse(Peer):
    """The homeserver of Matrix, on its SQLite: one process, as the host is."""

    name = "synapse"
    does = (
        "Matrix: PUT .../send and /sync; accounts, members, rights, transaction ids, notifications and a hash chain of "
        "events; SQLite in WAL with synchronous=FULL: fsync before every answer; rate limits, presence and logs off; "
        "1 call in flight a sender, since one HTTP connection carries no more"
    )
    program = "matrix"
    takes = frozenset({"own", "ch100", "solo"})  # a thousand members take it minutes to let in
    secret = "bench"

    @staticmethod
    def available() -> str:
        there = (SYNAPSE_HOME / "bin" / "synapse_homeserver").exists()
        return "" if there else f"matrix-synapse is not installed; {HOW_TO_GET}"

    def command(self) -> list[str]:
        (self.folder / "log.yaml").write_text(json.dumps({"version": 1, "root": {"level": "ERROR"}}))
        (self.folder / "homeserver.yaml").write_text(json.dumps(self._settings()))
        program = [str(SYNAPSE_HOME / "bin" / "synapse_homeserver"), "-c", str(self.folder / "homeserver.yaml")]
        subprocess.run([*program, "--generate-keys"], check=True, capture_output=True)
        return program

    def _settings(self) -> dict[str, object]:
        free = {"per_second": 1_000_000, "burst_count": 1_000_000}
        resources = [{"names": ["client"], "compress": False}]
        here = str(self.folder)
        return {
            "server_name": "bench",
            "report_stats": False,
            "pid_file": f"{here}/pid",
            "signing_key_path": f"{here}/signing.key",
            "media_store_path": f"{here}/media",
            "log_config": f"{here}/log.yaml",
            "database": {"name": "sqlite3", "args": {"database": f"{here}/homeserver.db"}},
            "listeners": [{"port": self.port, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": resources}],
            "registration_shared_secret": self.secret,
            "macaroon_secret_key": self.secret,
            "form_secret": self.secret,
            "bcrypt_rounds": 4,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "presence": {"enabled": False},
            "rc_message": free,
            "rc_registration": free,
            "rc_login": {"address": free, "account": free, "failed_attempts": free},
            "rc_joins": {"local": free, "remote": free},
            "rc_joins_per_room": free,
            "rc_invites": {"per_room": free, "per_user": free},
        }

    def words(self, case: Chat) -> list[str]:
        words = case.options()
        words[words.index("-d") + 1] = "1"
        return words

    def load_options(self) -> list[str]:
        return ["--secret", self.secret]


PEERS: tuple[type[Peer], ...] = (Redis, Nats, Synapse)
