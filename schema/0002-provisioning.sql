-- 0002-provisioning - provisioning clients, what they asked for, groups and their members, further senders.
-- Times are seconds since 1970. The numbers in comments are written in account/account.h, client.h, resource.h
-- and group_rows.h. Lists in one text are parted by blanks.

ALTER TABLE account ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;             -- 0 person, 1 group, 2 shared mailbox
ALTER TABLE account ADD COLUMN on_disable INTEGER NOT NULL DEFAULT 0;       -- 0 deliver, 1 reject, 2 forward
ALTER TABLE account ADD COLUMN forward_to TEXT;                             -- addresses
ALTER TABLE account ADD COLUMN keep_copy INTEGER NOT NULL DEFAULT 1;
ALTER TABLE account ADD COLUMN no_mailbox INTEGER NOT NULL DEFAULT 0;       -- login only; a tombstone's mail is purged
ALTER TABLE account ADD COLUMN services INTEGER NOT NULL DEFAULT 0;         -- a set of bits, 0 all
ALTER TABLE account ADD COLUMN retention_days BIGINT NOT NULL DEFAULT -1;   -- -1 the default

-- address.kind has two more: 4 provisioned, 5 login. From now on address.created is since when it is what it is: of what
-- became a former name or was put on hold before, when its account changed last is the earliest that is safe.
UPDATE address SET created = (SELECT changed FROM account WHERE account.id = address.account_id) WHERE kind IN (0, 3);

-- Whose mail is still kept, the oldest first.
CREATE INDEX account_tombstone ON account (changed, id) WHERE state = 0 AND no_mailbox = 0;
CREATE INDEX account_shared ON account (address) WHERE kind = 2 AND state <> 0;

CREATE TABLE client (
    id TEXT NOT NULL PRIMARY KEY,               -- UUID, never reused
    version BIGINT NOT NULL,                    -- grows with every change
    name TEXT NOT NULL UNIQUE,
    domains TEXT,                               -- that it may write; NULL: none
    default_domain TEXT,
    group_template TEXT,
    provider TEXT,                              -- whose subject its externalId is
    networks TEXT,                              -- that it may call from; NULL: any
    rights INTEGER NOT NULL,                    -- a set of bits
    members INTEGER NOT NULL,                   -- unknown ones: 0 refused, 1 left out
    adopt INTEGER NOT NULL,                     -- 0 never, 1 by externalId, 2 by address
    adopt_until BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    last_used BIGINT NOT NULL,                  -- 0 never
    frozen INTEGER NOT NULL,                    -- 1: nothing of what it deleted is purged
    users BIGINT NOT NULL                       -- how many of its users live: counted as they come and go
);

CREATE TABLE client_secret (
    hash TEXT NOT NULL PRIMARY KEY,             -- SHA-256 in hexadecimal digits
    client_id TEXT NOT NULL REFERENCES client (id),
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL                     -- 0 never
);

CREATE INDEX client_secret_client ON client_secret (client_id, created);

CREATE TABLE resource (
    number INTEGER NOT NULL PRIMARY KEY,        -- given by the database, growing
    id TEXT NOT NULL UNIQUE,                    -- of its account or group
    type INTEGER NOT NULL,                      -- 1 user, 2 group
    client_id TEXT NOT NULL,                    -- not a reference: tombstones outlive their client
    version BIGINT NOT NULL,                    -- grows with every change that a client can see
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    gone BIGINT NOT NULL,                       -- when it was deleted, 0 it lives
    external_id TEXT,
    name TEXT NOT NULL,                         -- as sent
    name_key TEXT NOT NULL,                     -- folded
    display_key TEXT,                           -- folded
    addresses TEXT,                             -- local ones that the client gave, the primary first
    document TEXT NOT NULL                      -- JSON: what the client sent
);

CREATE UNIQUE INDEX resource_name ON resource (client_id, type, name_key) WHERE gone = 0;
CREATE INDEX resource_order ON resource (client_id, type, number) WHERE gone = 0;
CREATE INDEX resource_display ON resource (client_id, type, display_key) WHERE gone = 0 AND display_key IS NOT NULL;
CREATE INDEX resource_external ON resource (client_id, type, external_id, gone) WHERE external_id IS NOT NULL;
CREATE INDEX resource_gone ON resource (client_id, type, gone) WHERE gone <> 0;

CREATE TABLE resource_email (
    client_id TEXT NOT NULL,
    value_key TEXT NOT NULL,                    -- emails.value, folded
    resource_id TEXT NOT NULL REFERENCES resource (id),
    PRIMARY KEY (client_id, value_key, resource_id)
);

CREATE INDEX resource_email_resource ON resource_email (resource_id);

CREATE TABLE mail_group (
    id TEXT NOT NULL PRIMARY KEY,               -- UUID, never reused; of its account when it has an address
    kind INTEGER NOT NULL,                      -- 0 access, 1 alias, 2 list, 3 shared mailbox
    senders INTEGER NOT NULL,                   -- 0 anyone, 1 internal, 2 members, 3 owners
    rights INTEGER NOT NULL,                    -- of members in a shared mailbox: 0 look, 1 and mark, 2 all
    part_key TEXT NOT NULL UNIQUE,              -- random: names its parts in addresses
    name TEXT NOT NULL
);

CREATE TABLE membership (
    group_id TEXT NOT NULL REFERENCES mail_group (id),
    role INTEGER NOT NULL,                      -- 0 member, 1 owner
    member_id TEXT NOT NULL,                    -- of an account or a group; an address elsewhere
    kind INTEGER NOT NULL,                      -- 0 account, 1 group, 2 elsewhere
    slot INTEGER NOT NULL,                      -- 0 to 65535, from member_id: large groups are delivered in parts
    PRIMARY KEY (group_id, role, member_id)
);

CREATE INDEX membership_member ON membership (member_id, role, group_id);
CREATE INDEX membership_slot ON membership (group_id, role, slot, member_id);
CREATE INDEX membership_nested ON membership (group_id, role, member_id) WHERE kind = 1;

-- Further addresses that an account may send as.
CREATE TABLE sender (
    address TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES account (id),
    PRIMARY KEY (address, account_id)
);

CREATE INDEX sender_account ON sender (account_id, address);

CREATE INDEX audit_account ON audit (account_id, number) WHERE account_id IS NOT NULL;
CREATE INDEX audit_actor ON audit (actor, number);
