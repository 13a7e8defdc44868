-- A ballot whose answer was erased is in no result, also where it is its voter's last one: it must not say counted.
DROP VIEW ballots;

CREATE VIEW ballots AS
SELECT
    b.room,
    b.idx,
    strftime('%Y-%m-%dT%H:%M:%fZ', json_extract(b.body, '$.at') / 1000.0, 'unixepoch') AS time,
    json_extract(b.body, '$.question') AS question,
    json_extract(b.body, '$.round') AS round,
    json_extract(b.body, '$.voter') AS voter,
    json_extract(b.body, '$.rev') AS rev,
    b.answer IS NOT NULL AND json_extract(b.body, '$.rev') = max(json_extract(b.body, '$.rev')) OVER (
        PARTITION BY
            b.room,
            json_extract(b.body, '$.question'),
            json_extract(b.body, '$.round'),
            json_extract(b.body, '$.voter')
    ) AS counted,
    b.answer
FROM records AS b
WHERE json_extract(b.body, '$."@type"') = 'ballot_cast/1';
