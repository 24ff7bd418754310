-- The result database of waybill, as of schema version 1 (PRAGMA user_version); what
-- later versions add is in schema_2.sql.
--
-- Tables may change between versions; the views below are what other programs should
-- read: their names and columns stay. Every text was cleared of secrets before it came
-- here (<secret:NAME> stands where one was). Times that end in _ms are milliseconds;
-- started_at is RFC 3339 in UTC.

CREATE TABLE run (
    id           INTEGER PRIMARY KEY,
    started_ms   INTEGER NOT NULL, -- wall clock
    target       TEXT NOT NULL,    -- 'mock', 'staging', ...
    contract     TEXT NOT NULL,    -- contract profile and what was switched
    seed         TEXT NOT NULL,
    version      TEXT NOT NULL,    -- of waybill
    command_line TEXT NOT NULL,
    planned      INTEGER NOT NULL, -- scenarios that were to run
    wall_ms      INTEGER,          -- NULL while the run goes on, or when it was cut off
    exit_code    INTEGER,          -- NULL likewise
    leaked       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE scenario (
    id          INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    file        TEXT NOT NULL,
    proves      TEXT NOT NULL,
    tags        TEXT NOT NULL, -- joined by ','
    started_ms  INTEGER NOT NULL,
    verdict     TEXT CHECK (verdict IN ('PASS', 'FAIL', 'BROKEN', 'SKIP')), -- NULL: cut off
    reason      TEXT,
    duration_ms INTEGER,
    UNIQUE (run, name)
) STRICT;

CREATE TABLE exchange (
    id               INTEGER PRIMARY KEY,
    scenario         INTEGER NOT NULL REFERENCES scenario(id) ON DELETE CASCADE,
    number           INTEGER NOT NULL, -- from 1 within the scenario
    at_ms            INTEGER NOT NULL,
    step             TEXT,
    protocol         TEXT NOT NULL, -- http, mcp, a2a, mock, command
    request          TEXT NOT NULL,
    request_headers  TEXT,
    request_body     TEXT,
    status           INTEGER, -- HTTP status or exit code; 0 when there was no answer
    response_headers TEXT,
    response_body    TEXT,
    error            TEXT, -- why there was no answer
    duration_ms      INTEGER,
    UNIQUE (scenario, number)
) STRICT;

CREATE TABLE check_ (
    id        INTEGER PRIMARY KEY,
    scenario  INTEGER NOT NULL REFERENCES scenario(id) ON DELETE CASCADE,
    at_ms     INTEGER NOT NULL,
    step      TEXT NOT NULL,
    step_name TEXT,
    name      TEXT NOT NULL,
    verdict   TEXT NOT NULL CHECK (verdict IN ('PASS', 'FAIL', 'BROKEN', 'SKIP')),
    expected  TEXT,
    actual    TEXT,
    file      TEXT,
    line      INTEGER,
    exchange  INTEGER REFERENCES exchange(id)
) STRICT;
CREATE INDEX check_by_scenario ON check_(scenario);
CREATE INDEX check_by_exchange ON check_(exchange);

CREATE TABLE poll (
    id       INTEGER PRIMARY KEY,
    scenario INTEGER NOT NULL REFERENCES scenario(id) ON DELETE CASCADE,
    at_ms    INTEGER NOT NULL,
    step     TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    held     INTEGER NOT NULL,
    actual   TEXT
) STRICT;
CREATE INDEX poll_by_scenario ON poll(scenario);

CREATE TABLE resource (
    id       INTEGER PRIMARY KEY,
    scenario INTEGER NOT NULL REFERENCES scenario(id) ON DELETE CASCADE,
    at_ms    INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    state    TEXT NOT NULL -- creating, created, removed, leaked
) STRICT;

-- v_run: one row a run. passed, failed, broken and skipped count scenarios, checks_*
-- count checks. exit_code and wall_ms are NULL when the run was cut off.
CREATE VIEW v_run AS
SELECT r.id,
       strftime('%Y-%m-%dT%H:%M:%fZ', r.started_ms / 1000.0, 'unixepoch') AS started_at,
       r.target, r.contract, r.seed, r.wall_ms, r.exit_code,
       (SELECT count(*) FROM scenario s WHERE s.run = r.id AND s.verdict = 'PASS') AS passed,
       (SELECT count(*) FROM scenario s WHERE s.run = r.id AND s.verdict = 'FAIL') AS failed,
       (SELECT count(*) FROM scenario s WHERE s.run = r.id AND s.verdict = 'BROKEN') AS broken,
       (SELECT count(*) FROM scenario s WHERE s.run = r.id AND s.verdict = 'SKIP') AS skipped,
       (SELECT count(*) FROM check_ c JOIN scenario s ON s.id = c.scenario
        WHERE s.run = r.id AND c.verdict = 'PASS') AS checks_passed,
       (SELECT count(*) FROM check_ c JOIN scenario s ON s.id = c.scenario
        WHERE s.run = r.id AND c.verdict = 'FAIL') AS checks_failed,
       (SELECT count(*) FROM check_ c JOIN scenario s ON s.id = c.scenario
        WHERE s.run = r.id AND c.verdict = 'BROKEN') AS checks_broken,
       (SELECT count(*) FROM check_ c JOIN scenario s ON s.id = c.scenario
        WHERE s.run = r.id AND c.verdict = 'SKIP') AS checks_skipped,
       r.planned, r.leaked, r.version, r.command_line
FROM run r;

-- v_scenario: one row a scenario of a run. verdict is NULL when the run was cut off in
-- the middle of it; reason is one line for FAIL, BROKEN and SKIP.
CREATE VIEW v_scenario AS
SELECT s.run, s.name AS scenario, s.name, s.verdict, s.reason, s.duration_ms,
       (SELECT count(*) FROM check_ c WHERE c.scenario = s.id) AS checks,
       s.file, s.proves, s.tags
FROM scenario s;

-- v_check: one row a recorded expectation. (scenario, step, name) identifies it across
-- runs; exchange is the id in v_exchange of the request that shows it, NULL for none.
CREATE VIEW v_check AS
SELECT s.run, s.name AS scenario, c.step, c.name, c.verdict, c.expected, c.actual,
       c.file, c.line, c.exchange, c.step_name, c.id, c.at_ms
FROM check_ c JOIN scenario s ON s.id = c.scenario;

-- v_exchange: one row a request and its answer.
CREATE VIEW v_exchange AS
SELECT s.run, s.name AS scenario, e.id, e.number, e.step, e.protocol, e.request,
       e.request_headers, e.request_body, e.status, e.response_headers, e.response_body,
       e.error, e.duration_ms, e.at_ms
FROM exchange e JOIN scenario s ON s.id = e.scenario;

-- v_poll: one row an attempt of a step that looks until its expectations hold.
CREATE VIEW v_poll AS
SELECT s.run, s.name AS scenario, p.step, p.attempt, p.held, p.actual, p.at_ms
FROM poll p JOIN scenario s ON s.id = p.scenario;

-- v_resource: what a run created outside itself, and what became of it.
CREATE VIEW v_resource AS
SELECT s.run, s.name AS scenario, r.kind, r.name, r.state, r.at_ms
FROM resource r JOIN scenario s ON s.id = r.scenario;
