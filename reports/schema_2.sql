-- Schema version 2: MCP frames. Made in a new database and in one of version 1, perhaps
-- by two runs at once.

CREATE TABLE IF NOT EXISTS frame (
    id        INTEGER PRIMARY KEY,
    exchange  INTEGER NOT NULL REFERENCES exchange(id) ON DELETE CASCADE,
    direction TEXT NOT NULL, -- sent, received, junk (a line on stdout that is no frame)
    transport TEXT NOT NULL, -- stdio, http
    revision  TEXT,          -- in force; NULL before one was agreed on
    valid     INTEGER NOT NULL,
    raw       INTEGER NOT NULL, -- 1: a `raw` step wrote it, so what it breaks is meant
    findings  TEXT           -- what it breaks, a line each; NULL when it is valid
) STRICT;
CREATE INDEX IF NOT EXISTS frame_by_exchange ON frame(exchange);

-- v_frame: one row an MCP frame; its text is in the bodies of its exchange. era is
-- 'legacy' or 'modern', NULL while no revision was agreed on.
CREATE VIEW IF NOT EXISTS v_frame AS
SELECT s.run, s.name AS scenario, e.step, f.exchange, f.direction, f.transport,
       CASE WHEN f.revision IS NULL THEN NULL
            WHEN f.revision >= '2026-07-28' THEN 'modern' ELSE 'legacy' END AS era,
       f.revision, f.valid, f.raw, f.findings, f.id
FROM frame f JOIN exchange e ON e.id = f.exchange JOIN scenario s ON s.id = e.scenario;
