-- As a store of schema 7 makes it: the schema that the database itself has.
CREATE TABLE sweeps (
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

CREATE TABLE environment (
    sweep INTEGER NOT NULL REFERENCES sweeps (id),
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (sweep, name)
) WITHOUT ROWID;

CREATE TABLE trials (
    id            TEXT PRIMARY KEY,
    sweep         INTEGER NOT NULL REFERENCES sweeps (id),  -- the invocation that ran it, or means to
    backbone TEXT NOT NULL,  -- the network; `thaw backbones` lists them
    weights TEXT NOT NULL,  -- imagenet, random (not pretrained), or a file
    freeze TEXT NOT NULL,  -- how deep the network is frozen, as the sweep says it
    frozen_layers INTEGER NOT NULL,  -- how many layers that is, as Keras counts them
    cut INTEGER NOT NULL,  -- after how many layers features are taken and kept: what lies before is computed once
    pooling TEXT NOT NULL,  -- of the last feature map: avg, max, flatten
    head TEXT NOT NULL,  -- widths of the head's hidden layers, 256-128, or none, with what is not as usual
    dropout TEXT NOT NULL,  -- rate after each of them: 0.5, or 0.5-0.3
    optimizer TEXT NOT NULL,  -- adam, sgd, rmsprop, with what is not as usual: sgd(momentum=0.9)
    learning_rate REAL NOT NULL,
    batch_size INTEGER NOT NULL,
    epochs INTEGER NOT NULL,  -- how many it trains for
    seed INTEGER NOT NULL,  -- of the weights it begins with, the order of images and dropout
    image_size INTEGER NOT NULL,  -- pixels, square
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'stopped', 'finished', 'failed')),
    rank          INTEGER,  -- MPI's rank that ran it
    started       TEXT,  -- when it first was, if it was stopped meanwhile
    finished      TEXT,
    seconds       REAL,  -- training and evaluation: the sum of its epochs, once it is finished or stopped
    spec          TEXT NOT NULL,  -- the whole trial as JSON
    precision TEXT NOT NULL DEFAULT 'fp32',  -- of the frozen layers' arithmetic: fp32 or bf16
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
    until TEXT NOT NULL DEFAULT 'none',  -- after which layer or block the network is cut off; none: all of it is there
    loss TEXT NOT NULL DEFAULT 'categorical_crossentropy',  -- categorical_crossentropy, or binary_crossentropy: one output for two classes
    label_smoothing REAL NOT NULL DEFAULT 0,  -- the target's share that is spread over all classes
    class_weights TEXT NOT NULL DEFAULT 'none',  -- how much classes count in the loss: none, balanced, or cat=2 dog=0.5
    schedule TEXT NOT NULL DEFAULT 'constant',  -- of the learning rate: constant, step, exponential, cosine, reduce_on_plateau
    early_stopping TEXT NOT NULL DEFAULT 'none',  -- none, or what is watched and for how long: validation_loss patience=3
    augment TEXT NOT NULL DEFAULT 'none',  -- none, or how often images are changed and how: views=4 rotation_range=10
    fold TEXT NOT NULL DEFAULT 'none',  -- none, or in cross-validation the part that validates: 2/5
    phases TEXT NOT NULL DEFAULT 'none',  -- none, or what was trained before: freeze, learning rate and epochs of each
    base_layers     INTEGER NOT NULL DEFAULT 0,    -- what `until` stands for; 0: the whole base
    -- After which epoch the final metrics are: the last one, unless early stopping has the best one restored.
    result_epoch                   INTEGER,
    final_validation_auc           REAL,  -- as epochs'
    final_validation_top5_accuracy REAL,
    batch_norm TEXT NOT NULL DEFAULT 'train'
);

CREATE INDEX trials_by_state ON trials (data, state);

CREATE INDEX trials_by_configuration ON trials (configuration);

CREATE INDEX trials_by_rank ON trials (data, final_validation_accuracy DESC, final_validation_loss IS NULL,
                                                     final_validation_loss, id) WHERE state = 'finished';

CREATE TABLE averages (
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

CREATE INDEX averages_by_rank ON averages (data, validation_accuracy DESC, validation_loss IS NULL,
                                                         validation_loss, configuration);

CREATE TABLE axis_ranges (
    data     INTEGER NOT NULL,
    axis     TEXT NOT NULL,
    least,
    greatest,
    PRIMARY KEY (data, axis)
) WITHOUT ROWID;

CREATE TABLE epochs (
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

CREATE TABLE stages (
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

CREATE TABLE images (
    data_fingerprint TEXT NOT NULL,  -- as of sweeps
    part             TEXT NOT NULL CHECK (part IN ('validation', 'test')),
    place            INTEGER NOT NULL,  -- from 0
    path             TEXT NOT NULL,     -- in the data folder
    label            INTEGER NOT NULL,  -- index into the sweep's classes
    PRIMARY KEY (data_fingerprint, part, place)
) WITHOUT ROWID;

CREATE TABLE predictions (
    trial   TEXT NOT NULL REFERENCES trials (id) ON DELETE CASCADE,
    part    TEXT NOT NULL CHECK (part IN ('validation', 'test')),
    classes BLOB NOT NULL,  -- two bytes an image, the low one first: index into classes; 65535 where it is unreadable,
                            -- 65534 where another fold validates it
    PRIMARY KEY (trial, part)
) WITHOUT ROWID;

CREATE TABLE attempts (
    trial   TEXT PRIMARY KEY,
    deaths  INTEGER NOT NULL,            -- that count, since it last got an epoch further than ever before
    epochs  INTEGER NOT NULL,            -- the most of it that were done
    overdue INTEGER NOT NULL DEFAULT 0,  -- 1: in the present flight an epoch has taken many times what it should
    reason  TEXT NOT NULL DEFAULT ''     -- of the last death that counts
) WITHOUT ROWID;

CREATE TABLE failures (
    id      INTEGER PRIMARY KEY,
    trial   TEXT NOT NULL,
    sweep   INTEGER NOT NULL REFERENCES sweeps (id),
    failed  TEXT NOT NULL,
    message TEXT NOT NULL,
    spec    TEXT NOT NULL
);

CREATE INDEX failures_by_trial ON failures (trial);

CREATE TRIGGER finished_trial_stays BEFORE UPDATE ON trials WHEN old.state = 'finished'
BEGIN SELECT RAISE(ABORT, 'a finished trial is never rewritten'); END;

CREATE TRIGGER finished_trial_is_kept BEFORE DELETE ON trials WHEN old.state = 'finished'
BEGIN SELECT RAISE(ABORT, 'a finished trial is never removed'); END;

CREATE TRIGGER finished_trial_is_not_replaced BEFORE INSERT ON trials
WHEN EXISTS (SELECT 1 FROM trials WHERE id = new.id AND state = 'finished')
BEGIN SELECT RAISE(ABORT, 'a finished trial is never rewritten'); END;

CREATE TRIGGER finished_epochs_are_complete BEFORE INSERT ON epochs
WHEN EXISTS (SELECT 1 FROM trials WHERE id = new.trial AND state = 'finished')
BEGIN SELECT RAISE(ABORT, 'the epochs of a finished trial are never rewritten'); END;

CREATE TRIGGER finished_epochs_stay BEFORE UPDATE ON epochs
WHEN EXISTS (SELECT 1 FROM trials WHERE id IN (old.trial, new.trial) AND state = 'finished')
BEGIN SELECT RAISE(ABORT, 'the epochs of a finished trial are never rewritten'); END;

CREATE TRIGGER finished_epochs_are_kept BEFORE DELETE ON epochs
WHEN EXISTS (SELECT 1 FROM trials WHERE id = old.trial AND state = 'finished')
BEGIN SELECT RAISE(ABORT, 'the epochs of a finished trial are never removed'); END;

CREATE TRIGGER predictions_stay BEFORE UPDATE ON predictions
BEGIN SELECT RAISE(ABORT, 'the predictions of a finished trial are never rewritten'); END;

CREATE VIEW comparable_trials AS
SELECT * FROM trials
WHERE data = (SELECT min(id) FROM sweeps
              WHERE data_fingerprint = (SELECT data_fingerprint FROM sweeps ORDER BY id DESC LIMIT 1));

CREATE VIEW leaderboard AS
SELECT row_number() OVER (ORDER BY final_validation_accuracy DESC, final_validation_loss IS NULL,
                                   final_validation_loss, id) AS rank,
       id AS trial, backbone, weights, freeze, frozen_layers, cut, pooling, head, dropout, optimizer, learning_rate, batch_size, epochs, seed, image_size, precision,
       final_validation_accuracy AS validation_accuracy, best_validation_accuracy, best_epoch,
       final_train_accuracy AS train_accuracy, final_validation_loss AS validation_loss,
       final_train_loss AS train_loss, seconds, configuration, result_epoch,
       final_validation_auc AS validation_auc, final_validation_top5_accuracy AS validation_top5_accuracy,
       until, loss, label_smoothing, class_weights, schedule, early_stopping, augment, fold, phases, batch_norm
FROM comparable_trials
WHERE state = 'finished'
ORDER BY final_validation_accuracy DESC, final_validation_loss IS NULL, final_validation_loss, id;

CREATE VIEW configurations AS
SELECT row_number() OVER (ORDER BY mean.validation_accuracy DESC, mean.validation_loss IS NULL, mean.validation_loss,
                                   mean.configuration) AS rank,
       backbone, weights, freeze, frozen_layers, cut, pooling, head, dropout, optimizer, learning_rate, batch_size, epochs, image_size, precision,
       mean.seeds AS seeds, mean.trials AS trials,
       mean.validation_accuracy AS mean_validation_accuracy,
       mean.sd_validation_accuracy AS sd_validation_accuracy,
       mean.best_validation_accuracy AS mean_best_validation_accuracy,
       mean.train_accuracy AS mean_train_accuracy,
       mean.validation_loss AS mean_validation_loss,
       mean.seconds AS mean_seconds,
       mean.best_trial AS best_trial, trials.final_validation_accuracy AS best_trial_validation_accuracy,
       mean.configuration AS configuration, until, loss, label_smoothing, class_weights, schedule, early_stopping, augment, phases, batch_norm
FROM averages AS mean CROSS JOIN trials ON trials.id = mean.best_trial
WHERE mean.data = (SELECT min(id) FROM sweeps
                   WHERE data_fingerprint = (SELECT data_fingerprint FROM sweeps ORDER BY id DESC LIMIT 1))
ORDER BY mean.validation_accuracy DESC, mean.validation_loss IS NULL, mean.validation_loss, mean.configuration;

CREATE VIEW axis_effects AS
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
    UNION ALL SELECT 14, 'until', until, weights, validation_accuracy FROM finals
    UNION ALL SELECT 15, 'loss', loss, weights, validation_accuracy FROM finals
    UNION ALL SELECT 16, 'label_smoothing', label_smoothing, weights, validation_accuracy FROM finals
    UNION ALL SELECT 17, 'class_weights', class_weights, weights, validation_accuracy FROM finals
    UNION ALL SELECT 18, 'schedule', schedule, weights, validation_accuracy FROM finals
    UNION ALL SELECT 19, 'early_stopping', early_stopping, weights, validation_accuracy FROM finals
    UNION ALL SELECT 20, 'augment', augment, weights, validation_accuracy FROM finals
    UNION ALL SELECT 21, 'fold', fold, weights, validation_accuracy FROM finals
    UNION ALL SELECT 22, 'phases', phases, weights, validation_accuracy FROM finals
    UNION ALL SELECT 23, 'batch_norm', batch_norm, weights, validation_accuracy FROM finals
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

CREATE VIEW backbone_comparison AS
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

CREATE VIEW failed_trials AS
SELECT trials.id AS trial, failures.message, failures.failed, backbone, weights, freeze, frozen_layers, cut, pooling, head, dropout, optimizer, learning_rate, batch_size, epochs, seed, image_size, precision, until, loss, label_smoothing, class_weights, schedule, early_stopping, augment, fold, phases, batch_norm
FROM comparable_trials AS trials
LEFT JOIN failures ON failures.id = (SELECT max(id) FROM failures WHERE trial = trials.id)
WHERE trials.state = 'failed'
ORDER BY failures.id;

CREATE VIEW stopped_trials AS
SELECT id AS trial, last_epoch AS stopped_after, epochs, final_validation_accuracy AS validation_accuracy, backbone,
       weights, freeze, frozen_layers, cut, pooling, head, dropout, optimizer, learning_rate, batch_size, seed,
       image_size, precision, until, loss, label_smoothing, class_weights, schedule, early_stopping, augment, fold, phases, batch_norm
FROM comparable_trials
WHERE state = 'stopped'
ORDER BY final_validation_accuracy DESC, final_validation_loss IS NULL, final_validation_loss, id;
