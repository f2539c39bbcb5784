-- 0001-accounts - domains, accounts, their addresses, and who changed what.
-- Times are seconds since 1970. The numbers in comments are written in account/account_rows.c.

CREATE TABLE domain (
    name TEXT NOT NULL PRIMARY KEY,             -- A-labels, lower case
    created BIGINT NOT NULL
);

CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,               -- UUID, never reused
    version BIGINT NOT NULL,                    -- grows with every change
    state INTEGER NOT NULL,                     -- 0 deleted, 1 disabled, 2 active
    address TEXT NOT NULL,                      -- the primary one, also in table address; a tombstone's last one
    name TEXT,
    home TEXT,                                  -- NULL: below the mail root, by id
    quota_bytes BIGINT NOT NULL,                -- 0 unlimited, -1 the default
    password TEXT,                              -- a hash
    provider TEXT,                              -- whose token opens it, and its name for the owner
    subject TEXT,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    last_login BIGINT NOT NULL                  -- 0 never
);

-- One identity opens one account; a tombstone gives way.
CREATE UNIQUE INDEX account_subject ON account (provider, subject) WHERE subject IS NOT NULL AND state <> 0;

CREATE TABLE address (
    address TEXT NOT NULL PRIMARY KEY,          -- normal form, or '@domain'
    domain TEXT NOT NULL,                       -- not a reference: what is on hold outlives its domain
    account_id TEXT NOT NULL REFERENCES account (id),
    kind INTEGER NOT NULL,                      -- 0 held, 1 primary, 2 alias, 3 renamed
    created BIGINT NOT NULL
);

CREATE INDEX address_domain ON address (domain, address);
CREATE INDEX address_account ON address (account_id, address);
CREATE UNIQUE INDEX address_primary ON address (account_id) WHERE kind = 1;

CREATE TABLE audit (
    number INTEGER NOT NULL PRIMARY KEY,        -- given by the database, growing
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,                      -- the address or domain it is about
    account_id TEXT,
    detail TEXT NOT NULL                        -- JSON: what was, what is
);

CREATE INDEX audit_subject ON audit (subject, number);
