-- The schema of results.db. Times are UTC, ISO 8601; sizes are bytes; accuracies are fractions of 1.
-- Metrics that were not finite numbers (a diverged trial) are NULL.
--
-- A trial's row, and its epochs, are never rewritten or removed once its state is 'finished': triggers refuse it.
-- Views compare only trials on the same data as the latest invocation of `thaw run` (comparable_trials): finished
-- trials that the sweep file no longer asks for stay in view as long as the data stays the same.
--
-- This text also adds to an older database what that lacks as a whole; what changed of what it has, a step in
-- migration.cpp changes first. New columns come last, as they do there. Tables and views have room for the axes, in
-- braces, which with_axes() fills in (axes.hpp).

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
    -- NULL: it is running, or was killed and no later one has found that yet.
    outcome           TEXT CHECK (outcome IN ('ok', 'interrupted', 'killed', 'wrong input', 'no space')),
    predicted_seconds REAL,  -- by the plan, from the first stage's start to the last one's end; NULL before schema 3
    seconds           REAL,  -- what that took, or until it ended early; NULL where it is not known
    wall_seconds      REAL,  -- from its start to its end, or to the last that was heard of it
    message           TEXT NOT NULL DEFAULT ''  -- the error that ended it
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
    {columns backbone..image_size}
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'stopped', 'finished', 'failed')),
    rank          INTEGER,  -- MPI's rank that ran it
    started       TEXT,  -- when it first was, if it was stopped meanwhile
    finished      TEXT,
    seconds       REAL,  -- training and evaluation: the sum of its epochs, once it is finished or stopped
    spec          TEXT NOT NULL,  -- the whole trial as JSON
    {columns precision..precision}
    data          INTEGER NOT NULL DEFAULT 0,  -- the first invocation on the same data: accuracies on it may be compared
    configuration TEXT NOT NULL DEFAULT '',    -- hash of all that decides the result but seed and fold
    -- Of finished and stopped trials, from their epochs: the last one, the metrics after result_epoch, and the first one
    -- of best validation accuracy.
    last_epoch               INTEGER,
    final_train_loss         REAL,
    final_train_accuracy     REAL,
    final_validation_loss    REAL,
    final_validation_accuracy REAL,
    best_validation_accuracy REAL,
    best_epoch               INTEGER,
    -- Axes that came with schema 6.
    {columns until..phases}
    base_layers     INTEGER NOT NULL DEFAULT 0,    -- what `until` stands for; 0: the whole base
    -- After which epoch the final metrics are: the last one, unless early stopping has the best one restored.
    result_epoch                   INTEGER,
    final_validation_auc           REAL,  -- as epochs'
    final_validation_top5_accuracy REAL{columns after phases}
);
CREATE INDEX IF NOT EXISTS trials_by_state ON trials (data, state);
CREATE INDEX IF NOT EXISTS trials_by_configuration ON trials (configuration);
-- The order of the leaderboard.
CREATE INDEX IF NOT EXISTS trials_by_rank ON trials (data, final_validation_accuracy DESC, final_validation_loss IS NULL,
                                                     final_validation_loss, id) WHERE state = 'finished';

-- One row a configuration with finished trials, written with each of them: trials that differ only in their seeds and
-- folds.
CREATE TABLE IF NOT EXISTS averages (
    configuration            TEXT PRIMARY KEY,
    data                     INTEGER NOT NULL,
    trials                   INTEGER NOT NULL,
    seeds                    INTEGER NOT NULL,  -- trials whose accuracy is a number: what is averaged
    validation_accuracy      REAL,
    sd_validation_accuracy   REAL,  -- of the sample (n - 1); NULL for one
    validation_loss          REAL,
    train_accuracy           REAL,
    best_validation_accuracy REAL,  -- the mean of the trials' best
    seconds                  REAL,
    best_trial               TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS averages_by_rank ON averages (data, validation_accuracy DESC, validation_loss IS NULL,
                                                         validation_loss, configuration);

-- Between which values trials on the same data lie on every axis, as of the latest invocation on it.
CREATE TABLE IF NOT EXISTS axis_ranges (
    data     INTEGER NOT NULL,
    axis     TEXT NOT NULL,
    least,
    greatest,
    PRIMARY KEY (data, axis)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS epochs (
    trial               TEXT NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    epoch               INTEGER NOT NULL,
    train_loss          REAL,
    train_accuracy      REAL,
    validation_loss     REAL,
    validation_accuracy REAL,
    seconds             REAL,
    weights             TEXT,  -- fingerprint of the trained parameters after it; NULL before schema 3
    learning_rate            REAL,  -- that it was trained with; this and the following: NULL before schema 6
    validation_auc           REAL,  -- area under the ROC curve; of two classes alone
    validation_top5_accuracy REAL,  -- of more than five classes alone
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

-- The images that nothing was trained on, in the order in which predictions name them.
CREATE TABLE IF NOT EXISTS images (
    data_fingerprint TEXT NOT NULL,  -- as of sweeps
    part             TEXT NOT NULL CHECK (part IN ('validation', 'test')),
    place            INTEGER NOT NULL,  -- from 0
    path             TEXT NOT NULL,     -- in the data folder
    label            INTEGER NOT NULL,  -- index into the sweep's classes
    PRIMARY KEY (data_fingerprint, part, place)
) WITHOUT ROWID;

-- Those of them whose content is also trained on: the accuracy on them says little.
CREATE TABLE IF NOT EXISTS trained_copies (
    data_fingerprint TEXT NOT NULL,
    part             TEXT NOT NULL CHECK (part IN ('validation', 'test')),
    place            INTEGER NOT NULL,  -- as of images
    path             TEXT NOT NULL,     -- of the training image
    PRIMARY KEY (data_fingerprint, part, place)
) WITHOUT ROWID;

-- What the checks before an invocation found in its data, a sentence each.
CREATE TABLE IF NOT EXISTS findings (
    sweep INTEGER NOT NULL REFERENCES sweeps (id),
    place INTEGER NOT NULL,  -- from 0
    text  TEXT NOT NULL,
    PRIMARY KEY (sweep, place)
) WITHOUT ROWID;

-- What a finished trial takes each of these images for, after its last epoch; of the test images only the winner is
-- asked.
CREATE TABLE IF NOT EXISTS predictions (
    trial   TEXT NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    part    TEXT NOT NULL CHECK (part IN ('validation', 'test')),
    classes BLOB NOT NULL,  -- two bytes an image, the low one first: index into classes; 65535 where it is unreadable,
                            -- 65534 where another fold validates it
    PRIMARY KEY (trial, part)
) WITHOUT ROWID;

-- What is known against trials in whose flight the world died (a trial is running from before its work begins until that
-- has ended in some order), since the last invocation that did not die. A death counts against a trial only where the
-- process left a report of its own end (a signal, an internal error, memory that was nearly used up), or the trial was
-- overdue: hosts are taken away and processes killed through no fault of a trial's.
CREATE TABLE IF NOT EXISTS attempts (
    trial   TEXT PRIMARY KEY,
    deaths  INTEGER NOT NULL,            -- that count, since it last got an epoch further than ever before
    epochs  INTEGER NOT NULL,            -- the most of it that were done
    overdue INTEGER NOT NULL DEFAULT 0,  -- 1: in the present flight an epoch has taken many times what it should
    reason  TEXT NOT NULL DEFAULT ''     -- of the last death that counts
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

CREATE TRIGGER IF NOT EXISTS predictions_stay BEFORE UPDATE ON predictions
BEGIN SELECT RAISE(ABORT, 'the predictions of a finished trial are never rewritten'); END;

-- Trials whose accuracies may be compared: those on the same data as the latest invocation.
CREATE VIEW IF NOT EXISTS comparable_trials AS
SELECT * FROM trials
WHERE data = (SELECT min(id) FROM sweeps
              WHERE data_fingerprint = (SELECT data_fingerprint FROM sweeps ORDER BY id DESC LIMIT 1));

-- Finished trials, the best first: by validation accuracy after their result_epoch, then by the lower loss. Both orders are
-- that of trials_by_rank, so that the first rows come at once, however many there are.
CREATE VIEW IF NOT EXISTS leaderboard AS
SELECT row_number() OVER (ORDER BY final_validation_accuracy DESC, final_validation_loss IS NULL,
                                   final_validation_loss, id) AS rank,
       id AS trial, {axes},
       final_validation_accuracy AS validation_accuracy, best_validation_accuracy, best_epoch,
       final_train_accuracy AS train_accuracy, final_validation_loss AS validation_loss,
       final_train_loss AS train_loss, seconds, configuration, result_epoch,
       final_validation_auc AS validation_auc, final_validation_top5_accuracy AS validation_top5_accuracy,
       {later_axes}
FROM comparable_trials
WHERE state = 'finished'
ORDER BY final_validation_accuracy DESC, final_validation_loss IS NULL, final_validation_loss, id;

-- Finished trials that differ only in their seeds and folds, as one row, the best mean first. What is not an average
-- (the other axes) is the best trial's.
CREATE VIEW IF NOT EXISTS configurations AS
SELECT row_number() OVER (ORDER BY mean.validation_accuracy DESC, mean.validation_loss IS NULL, mean.validation_loss,
                                   mean.configuration) AS rank,
       {axes but averaged},
       mean.seeds AS seeds, mean.trials AS trials,
       mean.validation_accuracy AS mean_validation_accuracy,
       mean.sd_validation_accuracy AS sd_validation_accuracy,
       mean.best_validation_accuracy AS mean_best_validation_accuracy,
       mean.train_accuracy AS mean_train_accuracy,
       mean.validation_loss AS mean_validation_loss,
       mean.seconds AS mean_seconds,
       mean.best_trial AS best_trial, trials.final_validation_accuracy AS best_trial_validation_accuracy,
       mean.configuration AS configuration, {later_axes but averaged}
FROM averages AS mean CROSS JOIN trials ON trials.id = mean.best_trial
WHERE mean.data = (SELECT min(id) FROM sweeps
                   WHERE data_fingerprint = (SELECT data_fingerprint FROM sweeps ORDER BY id DESC LIMIT 1))
ORDER BY mean.validation_accuracy DESC, mean.validation_loss IS NULL, mean.validation_loss, mean.configuration;

-- Every invocation of `thaw run`, on whatever data, and how long it took: by the clock, and the sum over its stages,
-- which run beside each other.
CREATE VIEW IF NOT EXISTS invocations AS
SELECT id AS invocation, name, started, finished, outcome, message, trials, wall_seconds,
       (SELECT total(seconds) FROM stages WHERE sweep = sweeps.id) AS busy_seconds, command_line
FROM sweeps
ORDER BY id;

-- One row a value of every axis that varies among finished trials. `random` counts trials with random weights.
CREATE VIEW IF NOT EXISTS axis_effects AS
WITH finals AS MATERIALIZED (SELECT * FROM leaderboard),
points (place, axis, value, weights, accuracy) AS (
    {axis_points}
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
SELECT trials.id AS trial, failures.message, failures.failed, {axes}, {later_axes}
FROM comparable_trials AS trials
LEFT JOIN failures ON failures.id = (SELECT max(id) FROM failures WHERE trial = trials.id)
WHERE trials.state = 'failed'
ORDER BY failures.id;

-- Trials that the search's stopping rule has paused, the best first: by validation accuracy where they stopped.
CREATE VIEW IF NOT EXISTS stopped_trials AS
SELECT id AS trial, last_epoch AS stopped_after, epochs, final_validation_accuracy AS validation_accuracy, backbone,
       weights, freeze, frozen_layers, cut, pooling, head, dropout, optimizer, learning_rate, batch_size, seed,
       image_size, precision, {later_axes}
FROM comparable_trials
WHERE state = 'stopped'
ORDER BY final_validation_accuracy DESC, final_validation_loss IS NULL, final_validation_loss, id;
