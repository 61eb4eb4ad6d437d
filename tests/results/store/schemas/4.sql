-- The schema of results.db. Times are UTC, ISO 8601; sizes are bytes; accuracies are fractions of 1.
-- Metrics that were not finite numbers (a diverged trial) are NULL.
--
-- A trial's row, and its epochs, are never rewritten or removed once its state is 'finished': triggers refuse it.
-- Views compare only trials on the same data as the latest invocation of `thaw run` (comparable_trials): finished
-- trials that the sweep file no longer asks for stay in view as long as the data stays the same.
--
-- This text also adds to an older database what that lacks as a whole; what changed of what it has, a step in
-- migration.cpp changes first. New columns come last, as they do there.

-- One row an invocation of `thaw run`.
CREATE TABLE IF NOT EXISTS sweeps (
    id                INTEGER PRIMARY KEY,
    name              TEXT NOT NULL,
    yaml              TEXT NOT NULL,  -- the sweep file's text
    command_line      TEXT NOT NULL,
    data_folder       TEXT NOT NULL,
    data_fingerprint  TEXT NOT NULL,
    classes           TEXT NOT NULL,  -- JSON array of names
    train_images      INTEGER NOT NULL,
    validation_images INTEGER NOT NULL,
    test_images       INTEGER NOT NULL,
    bad_images        INTEGER NOT NULL,
    trials            INTEGER NOT NULL,  -- how many it asked for
    started           TEXT NOT NULL,
    finished          TEXT,
    outcome           TEXT,  -- NULL: it is running, or was killed
    predicted_seconds REAL,  -- by the plan, from the first stage's start to the last one's end; NULL before schema 3
    seconds           REAL   -- what that took; NULL where it is not known
);

CREATE TABLE IF NOT EXISTS environment (
    sweep INTEGER NOT NULL REFERENCES sweeps (id),
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (sweep, name)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS trials (
    id            TEXT PRIMARY KEY,
    sweep         INTEGER NOT NULL REFERENCES sweeps (id),  -- the invocation that ran it, or means to
    backbone      TEXT NOT NULL,
    weights       TEXT NOT NULL,  -- 'imagenet', 'random' (not pretrained), or a file
    freeze        TEXT NOT NULL,
    frozen_layers INTEGER NOT NULL,
    cut           INTEGER NOT NULL,
    pooling       TEXT NOT NULL,
    head          TEXT NOT NULL,
    dropout       TEXT NOT NULL,
    optimizer     TEXT NOT NULL,
    learning_rate REAL NOT NULL,
    batch_size    INTEGER NOT NULL,
    epochs        INTEGER NOT NULL,
    seed          INTEGER NOT NULL,
    image_size    INTEGER NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'stopped', 'finished', 'failed')),
    rank          INTEGER,  -- MPI's rank that ran it
    started       TEXT,  -- when it first was, if it was stopped meanwhile
    finished      TEXT,
    seconds       REAL,  -- training and evaluation: the sum of its epochs, once it is finished or stopped
    spec          TEXT NOT NULL,  -- the whole trial as JSON
    precision     TEXT NOT NULL DEFAULT 'fp32'  -- of the frozen layers' arithmetic
);
CREATE INDEX IF NOT EXISTS trials_by_state ON trials (state);

CREATE TABLE IF NOT EXISTS epochs (
    trial               TEXT NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    epoch               INTEGER NOT NULL,
    train_loss          REAL,
    train_accuracy      REAL,
    validation_loss     REAL,
    validation_accuracy REAL,
    seconds             REAL,
    weights             TEXT,  -- fingerprint of the trained parameters after it; NULL before schema 3
    PRIMARY KEY (trial, epoch)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stages (
    id                INTEGER PRIMARY KEY,
    sweep             INTEGER NOT NULL REFERENCES sweeps (id),
    kind              TEXT NOT NULL,
    description       TEXT NOT NULL,
    rank              INTEGER NOT NULL,
    trials            INTEGER NOT NULL,  -- how many it served
    predicted_seconds REAL,
    seconds           REAL,
    predicted_bytes   INTEGER NOT NULL,
    bytes             INTEGER NOT NULL,
    reused            INTEGER NOT NULL,  -- 1: its output stood in the cache already
    error             TEXT NOT NULL,     -- empty: it succeeded
    finished          TEXT NOT NULL,
    computed          INTEGER,  -- images decoded or forwarded, the rows of the others were copied; NULL before schema 2
    ranks             INTEGER NOT NULL DEFAULT 1  -- how many worked on it
);

-- Trials in whose flight the world died (a trial is running from before its work begins until that has ended in some
-- order), since the last invocation that did not die.
CREATE TABLE IF NOT EXISTS attempts (
    trial  TEXT PRIMARY KEY,
    deaths INTEGER NOT NULL,  -- since it last got an epoch further than ever before
    epochs INTEGER NOT NULL   -- the most of it that were done
) WITHOUT ROWID;

-- Every failure there ever was, also those of trials that finished later or are no longer asked for.
CREATE TABLE IF NOT EXISTS failures (
    id      INTEGER PRIMARY KEY,
    trial   TEXT NOT NULL,
    sweep   INTEGER NOT NULL REFERENCES sweeps (id),
    failed  TEXT NOT NULL,
    message TEXT NOT NULL,
    spec    TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS failures_by_trial ON failures (trial);

CREATE TRIGGER IF NOT EXISTS finished_trial_stays BEFORE UPDATE ON trials WHEN old.state = 'finished'
BEGIN SELECT RAISE(ABORT, 'a finished trial is never rewritten'); END;
CREATE TRIGGER IF NOT EXISTS finished_trial_is_kept BEFORE DELETE ON trials WHEN old.state = 'finished'
BEGIN SELECT RAISE(ABORT, 'a finished trial is never removed'); END;
CREATE TRIGGER IF NOT EXISTS finished_trial_is_not_replaced BEFORE INSERT ON trials
WHEN EXISTS (SELECT 1 FROM trials WHERE id = new.id AND state = 'finished')
BEGIN SELECT RAISE(ABORT, 'a finished trial is never rewritten'); END;
CREATE TRIGGER IF NOT EXISTS finished_epochs_are_complete BEFORE INSERT ON epochs
WHEN EXISTS (SELECT 1 FROM trials WHERE id = new.trial AND state = 'finished')
BEGIN SELECT RAISE(ABORT, 'the epochs of a finished trial are never rewritten'); END;
CREATE TRIGGER IF NOT EXISTS finished_epochs_stay BEFORE UPDATE ON epochs
WHEN EXISTS (SELECT 1 FROM trials WHERE id IN (old.trial, new.trial) AND state = 'finished')
BEGIN SELECT RAISE(ABORT, 'the epochs of a finished trial are never rewritten'); END;
CREATE TRIGGER IF NOT EXISTS finished_epochs_are_kept BEFORE DELETE ON epochs
WHEN EXISTS (SELECT 1 FROM trials WHERE id = old.trial AND state = 'finished')
BEGIN SELECT RAISE(ABORT, 'the epochs of a finished trial are never removed'); END;

-- Trials whose accuracies may be compared: those on the same data as the latest invocation.
CREATE VIEW IF NOT EXISTS comparable_trials AS
SELECT trials.*
FROM trials JOIN sweeps ON sweeps.id = trials.sweep
WHERE sweeps.data_fingerprint = (SELECT data_fingerprint FROM sweeps ORDER BY id DESC LIMIT 1);

-- Finished trials, the best first: by validation accuracy after the last epoch, then by the lower loss.
CREATE VIEW IF NOT EXISTS leaderboard AS
SELECT row_number() OVER (ORDER BY last.validation_accuracy DESC, last.validation_loss IS NULL, last.validation_loss,
                                   trials.id) AS rank,
       trials.id AS trial, backbone, trials.weights, freeze, frozen_layers, cut, pooling, head, dropout, optimizer,
       learning_rate, batch_size, epochs, seed, image_size, precision,
       last.validation_accuracy AS validation_accuracy,
       best.validation_accuracy AS best_validation_accuracy,
       best.epoch AS best_epoch,
       last.train_accuracy AS train_accuracy,
       last.validation_loss AS validation_loss,
       last.train_loss AS train_loss,
       trials.seconds AS seconds
FROM comparable_trials AS trials
LEFT JOIN epochs AS last
       ON last.trial = trials.id AND last.epoch = (SELECT max(epoch) FROM epochs WHERE trial = trials.id)
LEFT JOIN epochs AS best
       ON best.trial = trials.id AND best.epoch = (SELECT epoch FROM epochs WHERE trial = trials.id
                                                   ORDER BY validation_accuracy DESC, epoch LIMIT 1)
WHERE trials.state = 'finished'
ORDER BY rank;

-- One row a value of every axis that varies among finished trials. `random` counts trials with random weights.
CREATE VIEW IF NOT EXISTS axis_effects AS
WITH finals AS MATERIALIZED (SELECT * FROM leaderboard),
points (place, axis, value, weights, accuracy) AS (
    SELECT 1, 'backbone', backbone || iif(weights = 'random', ' (random)', ''), weights, validation_accuracy FROM finals
    UNION ALL SELECT 2, 'weights', weights, weights, validation_accuracy FROM finals
    UNION ALL SELECT 3, 'freeze', freeze, weights, validation_accuracy FROM finals
    UNION ALL SELECT 4, 'pooling', pooling, weights, validation_accuracy FROM finals
    UNION ALL SELECT 5, 'head', head, weights, validation_accuracy FROM finals
    UNION ALL SELECT 6, 'dropout', dropout, weights, validation_accuracy FROM finals
    UNION ALL SELECT 7, 'optimizer', optimizer, weights, validation_accuracy FROM finals
    UNION ALL SELECT 8, 'learning_rate', learning_rate, weights, validation_accuracy FROM finals
    UNION ALL SELECT 9, 'batch_size', batch_size, weights, validation_accuracy FROM finals
    UNION ALL SELECT 10, 'epochs', epochs, weights, validation_accuracy FROM finals
    UNION ALL SELECT 11, 'seed', seed, weights, validation_accuracy FROM finals
    UNION ALL SELECT 12, 'image_size', image_size, weights, validation_accuracy FROM finals
    UNION ALL SELECT 13, 'precision', precision, weights, validation_accuracy FROM finals
),
effects AS (
    SELECT place, axis, value, count(*) AS trials, sum(weights = 'random') AS random,
           avg(accuracy) AS mean_validation_accuracy,
           min(accuracy) AS min_validation_accuracy,
           max(accuracy) AS max_validation_accuracy,
           count(*) OVER (PARTITION BY axis) AS values_of_axis
    FROM points GROUP BY place, axis, value
)
SELECT axis, value, trials, random, mean_validation_accuracy, min_validation_accuracy, max_validation_accuracy
FROM effects WHERE values_of_axis > 1
ORDER BY place, value;

CREATE VIEW IF NOT EXISTS backbone_comparison AS
WITH finals AS MATERIALIZED (SELECT * FROM leaderboard),
groups AS (
    SELECT backbone, weights, count(*) AS trials, min(rank) AS first,
           max(validation_accuracy) AS best, avg(validation_accuracy) AS mean,
           sum(seconds) / sum(epochs) AS seconds_per_epoch
    FROM finals GROUP BY backbone, weights
)
SELECT groups.backbone, groups.weights, trials, best AS best_validation_accuracy, mean AS mean_validation_accuracy,
       finals.trial AS best_trial, seconds_per_epoch
FROM groups JOIN finals ON finals.rank = groups.first
ORDER BY first;

-- Trials that stand as failed now, with their latest message.
CREATE VIEW IF NOT EXISTS failed_trials AS
SELECT trials.id AS trial, failures.message, failures.failed, backbone, weights, freeze, frozen_layers, cut, pooling,
       head, dropout, optimizer, learning_rate, batch_size, epochs, seed, image_size, precision
FROM comparable_trials AS trials
LEFT JOIN failures ON failures.id = (SELECT max(id) FROM failures WHERE trial = trials.id)
WHERE trials.state = 'failed'
ORDER BY failures.id;

-- Trials that the search's stopping rule has paused, the best first: by validation accuracy where they stopped.
CREATE VIEW IF NOT EXISTS stopped_trials AS
SELECT trials.id AS trial, last.epoch AS stopped_after, epochs, last.validation_accuracy AS validation_accuracy,
       backbone, trials.weights, freeze, frozen_layers, cut, pooling, head, dropout, optimizer, learning_rate,
       batch_size, seed, image_size, precision
FROM comparable_trials AS trials
LEFT JOIN epochs AS last
       ON last.trial = trials.id AND last.epoch = (SELECT max(epoch) FROM epochs WHERE trial = trials.id)
WHERE trials.state = 'stopped'
ORDER BY last.validation_accuracy DESC, last.validation_loss IS NULL, last.validation_loss, trials.id;
