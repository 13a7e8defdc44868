-- One row per record and nothing else on the vote path. The primary key is the table: no second tree to keep.
CREATE TABLE records (
    room TEXT NOT NULL,
    idx INTEGER NOT NULL CHECK (idx >= 1),
    body TEXT NOT NULL,           -- canonical JSON: exactly these bytes are hashed
    chain BLOB NOT NULL,          -- SHA-256(chain before || SHA-256(0x00 || body))
    salt BLOB,                    -- the opening of a ballot: both NULL for other records,
    answer TEXT,                  -- and for a ballot whose answer was erased
    PRIMARY KEY (room, idx),
    CHECK ((salt IS NULL) = (answer IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (key, value) VALUES ('epoch', lower(hex(randomblob(16))));

CREATE TRIGGER records_are_never_deleted BEFORE DELETE ON records
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: records are never deleted');
END;

CREATE TRIGGER records_are_never_changed BEFORE UPDATE ON records
WHEN NEW.room IS NOT OLD.room OR NEW.idx IS NOT OLD.idx OR NEW.body IS NOT OLD.body OR NEW.chain IS NOT OLD.chain
    OR NEW.salt IS NOT NULL OR NEW.answer IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: all that may change is salt and answer, both to NULL');
END;

-- For people who open the file with any SQLite tool. A ballot counts unless a later one of its voter replaced it.
CREATE VIEW ballots AS
SELECT
    b.room,
    b.idx,
    strftime('%Y-%m-%dT%H:%M:%fZ', json_extract(b.body, '$.at') / 1000.0, 'unixepoch') AS time,
    json_extract(b.body, '$.question') AS question,
    json_extract(b.body, '$.round') AS round,
    json_extract(b.body, '$.voter') AS voter,
    json_extract(b.body, '$.rev') AS rev,
    json_extract(b.body, '$.rev') = max(json_extract(b.body, '$.rev')) OVER (
        PARTITION BY
            b.room,
            json_extract(b.body, '$.question'),
            json_extract(b.body, '$.round'),
            json_extract(b.body, '$.voter')
    ) AS counted,
    b.answer
FROM records AS b
WHERE json_extract(b.body, '$."@type"') = 'ballot_cast/1';

CREATE VIEW results AS
SELECT
    ballots.room,
    ballots.question,
    ballots.round,
    choice.value AS choice,
    json_extract(defined.body, '$.options[' || choice.value || ']') AS option,
    count(*) AS votes
FROM ballots
JOIN json_each(ballots.answer, '$.choices') AS choice
JOIN records AS defined
    ON defined.room = ballots.room
    AND json_extract(defined.body, '$."@type"') = 'question_defined/1'
    AND json_extract(defined.body, '$.id') = ballots.question
WHERE ballots.counted
GROUP BY ballots.room, ballots.question, ballots.round, choice.value;
