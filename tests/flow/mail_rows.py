"""mail_rows.py - accounts, groups and members written straight into the database, as provisioning writes them.

Groups are looked up each time, so what is written here is seen at once; accounts are remembered, so theirs must be written before
anybody asked for them."""

import hashlib
import secrets
import sqlite3
import time
import uuid

PERSON, GROUP, SHARED = 0, 1, 2
PRIMARY, ALIAS, RENAMED, PROVISIONED, LOGIN = 1, 2, 3, 4, 5
ACCESS, LIST, SHARED_MAILBOX = 0, 2, 3
ANYONE, INTERNAL, MEMBERS, OWNERS = range(4)
LOOK, MARK, FULL = range(3)
MEMBER, OWNER = 0, 1


class Rows:
    """One transaction: `with Rows(path) as rows: …`."""

    def __init__(self, path):
        self.database = sqlite3.connect(path, timeout=30, isolation_level=None)
        self.now = int(time.time())

    def __enter__(self):
        self.database.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, kind, *_):
        self.database.execute("ROLLBACK" if kind else "COMMIT")
        self.database.close()

    def run(self, sql, *values):
        return self.database.execute(sql, values)

    def insert(self, table, **values):
        self.run(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", *values.values())

    def account(self, address, account_id=None, **more):
        account_id = account_id or str(uuid.uuid4())
        self.insert("account", id=account_id, address=address, **dict(
            {"version": 1, "state": 2, "quota_bytes": -1, "created": self.now, "changed": self.now, "last_login": 0}, **more))
        self.address(account_id, address, PRIMARY)
        return account_id

    def address(self, account_id, address, kind, age=0):
        self.insert("address", address=address, domain=address.split("@")[1], account_id=account_id, kind=kind, created=self.now - age)

    def group(self, address=None, kind=LIST, senders=ANYONE, rights=LOOK, name="a group"):
        """(id, part key)"""
        group_id, key = str(uuid.uuid4()), secrets.token_hex(16)
        self.insert("mail_group", id=group_id, kind=kind, senders=senders, rights=rights, part_key=key, name=name)
        if address:
            self.account(address, group_id, kind=SHARED if kind == SHARED_MAILBOX else GROUP)
        return group_id, key

    def join(self, group_id, member, role=MEMBER, kind=None):
        """`member` is an id, or an address elsewhere."""
        elsewhere = "@" in member
        slot = int.from_bytes(hashlib.sha256(member.encode()).digest()[:2], "big") if elsewhere else int(member[:4], 16)
        kind = kind if kind is not None else 2 if elsewhere else 0
        self.insert("membership", group_id=group_id, role=role, member_id=member, kind=kind, slot=slot)

    def nest(self, group_id, inner_id):
        self.join(group_id, inner_id, kind=1)

    def leave(self, group_id, member):
        self.run("DELETE FROM membership WHERE group_id = ? AND member_id = ?", group_id, member)

    def sender(self, account_id, address):
        self.insert("sender", address=address, account_id=account_id)

    def id_of(self, address):
        return self.run("SELECT account_id FROM address WHERE address = ?", address).fetchone()[0]
