-- Version 3, from version 2.

-- What is in a store of artifacts elsewhere, as far as it was named here.
CREATE TABLE sent (
    place TEXT NOT NULL,             -- its URL
    digest BLOB NOT NULL,
    own INTEGER NOT NULL,            -- 1 if it was put there from here, 0 if it was found there
    whole INTEGER NOT NULL,          -- 0 from before it is put until it is there for sure
    named_ms INTEGER NOT NULL,       -- when it was last named
    PRIMARY KEY (place, digest)
) WITHOUT ROWID;
