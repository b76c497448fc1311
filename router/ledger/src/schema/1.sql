-- Amounts are 16-byte, sums 24-byte big-endian blobs: SQLite's integers have 64 bits. Times are milliseconds since
-- the epoch. Keys compare byte by byte (BINARY), as Rust's strings do.

-- A budget's open holds, as one running sum.
CREATE TABLE budget (
    id   TEXT PRIMARY KEY NOT NULL,
    held BLOB NOT NULL
) WITHOUT ROWID;

-- What was spent of a budget up to and including a moment, since the beginning. The spending of any window is the
-- difference of two rows, however many lie between.
CREATE TABLE spending (
    budget  TEXT NOT NULL REFERENCES budget (id),
    at      INTEGER NOT NULL,
    through BLOB NOT NULL,
    PRIMARY KEY (budget, at)
) WITHOUT ROWID;

-- Every hold that ever was: an id is good for one reservation only.
CREATE TABLE hold (
    id        TEXT PRIMARY KEY NOT NULL,
    made_at   INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    closed_at INTEGER
) WITHOUT ROWID;

-- What open holds hold; gone once closed.
CREATE TABLE line (
    hold   TEXT NOT NULL REFERENCES hold (id),
    n      INTEGER NOT NULL,
    budget TEXT NOT NULL REFERENCES budget (id),
    amount BLOB NOT NULL,
    PRIMARY KEY (hold, n)
) WITHOUT ROWID;

-- Replay keys. `seen_at` is when a purge first met the claim concluded.
CREATE TABLE claim (
    key     TEXT PRIMARY KEY NOT NULL,
    print   TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    receipt TEXT,
    seen_at INTEGER
) WITHOUT ROWID;

-- Values run to kilobytes, so this one keeps its rowid and a slim index.
CREATE TABLE record (
    key     TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    value   TEXT NOT NULL
);
