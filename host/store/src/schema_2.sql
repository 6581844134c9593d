-- Version 2, from version 1.

-- Blobs that results in the cache name, beside the artifact that such a result may be kept as.
CREATE TABLE cache_uses (
    identity BLOB NOT NULL,
    digest BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (identity, digest)
) WITHOUT ROWID;
CREATE INDEX cache_uses_by_digest ON cache_uses (digest);
