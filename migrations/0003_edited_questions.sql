-- A question may be changed. A round's options are those of the version that it was opened with, in their last wording.
DROP VIEW results;

CREATE VIEW results AS
WITH definitions AS (
    SELECT
        room,
        idx,
        json_extract(body, '$.id') AS question,
        coalesce(json_extract(body, '$.version'), 1) AS version,
        json_extract(body, '$.options') AS options
    FROM records
    WHERE json_extract(body, '$."@type"') IN ('question_defined/1', 'question_edited/1')
),
wordings AS (
    SELECT room, question, version, options, max(idx)
    FROM definitions
    GROUP BY room, question, version
),
rounds AS (
    SELECT
        opened.room,
        json_extract(opened.body, '$.question') AS question,
        json_extract(opened.body, '$.round') AS round,
        max(definitions.version) AS version
    FROM records AS opened
    JOIN definitions
        ON definitions.room = opened.room
        AND definitions.question = json_extract(opened.body, '$.question')
        AND definitions.idx < opened.idx
    WHERE json_extract(opened.body, '$."@type"') = 'voting_opened/1'
    GROUP BY opened.room, json_extract(opened.body, '$.question'), json_extract(opened.body, '$.round')
)
SELECT
    ballots.room,
    ballots.question,
    ballots.round,
    choice.value AS choice,
    json_extract(wordings.options, '$[' || choice.value || ']') AS option,
    count(*) AS votes
FROM ballots
JOIN json_each(ballots.answer, '$.choices') AS choice
JOIN rounds
    ON rounds.room = ballots.room AND rounds.question = ballots.question AND rounds.round = ballots.round
JOIN wordings
    ON wordings.room = ballots.room AND wordings.question = ballots.question AND wordings.version = rounds.version
WHERE ballots.counted
GROUP BY ballots.room, ballots.question, ballots.round, choice.value;
