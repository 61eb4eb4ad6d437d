#!/usr/bin/env python3
"""Writes classification.json: areas under ROC curves, and precision, recall and F1 by class, as scikit-learn has them;
top-5 accuracies as Keras' TopKCategoricalAccuracy has them. Needs scikit-learn and Keras (KERAS_BACKEND=torch will do)."""
import json
import pathlib

import keras
import numpy as np
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

rng = np.random.default_rng(7)


def roc_case(scores, labels):
    area = roc_auc_score(labels, scores) if len(set(labels)) == 2 else None
    return {"scores": [float(s) for s in scores], "labels": [int(l) for l in labels], "area": area}


def roc_cases():
    labels = rng.integers(0, 2, 60)
    scores = labels + rng.normal(size=60)
    rare = (np.arange(50) == 17).astype(int)
    return [
        roc_case(scores, labels),
        roc_case(np.round(scores), labels),  # many ties
        roc_case(np.round(scores * 4) / 4, labels),
        roc_case(np.zeros(60), labels),
        roc_case(labels * 2.0 - 1, labels),
        roc_case(1.0 - labels, labels),
        roc_case(np.round(rng.normal(size=50), 1), rare),
        roc_case(scores * 1e-300, labels),
        roc_case([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]),
        roc_case(scores[:9], np.ones(9)),
        roc_case(scores[:9], np.zeros(9)),
    ]


def class_case(labels, predicted, classes):
    names = ("precision", "recall", "f1", "images")
    by_class = precision_recall_fscore_support(labels, predicted, labels=range(classes), zero_division=0)
    macro = precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)
    return {"labels": [int(l) for l in labels], "predicted": [int(p) for p in predicted], "classes": classes,
            "by_class": {name: [float(v) for v in values] for name, values in zip(names, by_class)},
            "macro": {name: float(value) for name, value in zip(names[:3], macro)}}


def class_cases():
    labels = rng.integers(0, 6, 90)
    noisy = np.where(rng.random(90) < 0.3, rng.integers(0, 6, 90), labels)
    two = rng.integers(0, 2, 40)
    return [
        class_case(two, np.where(rng.random(40) < 0.2, 1 - two, two), 2),
        class_case(labels, noisy, 6),
        class_case(labels, labels, 6),
        class_case(two, np.zeros(40), 2),                   # never predicted: precision 0/0
        class_case(np.zeros(12), rng.integers(0, 3, 12), 3),  # never shown: recall 0/0
        class_case(two, 1 - two, 2),                        # all wrong: F1 of 0
        class_case(labels % 4, np.minimum(noisy % 4, 2), 7),  # classes that are neither shown nor predicted
    ]


def top5_case(scores, labels):
    metric = keras.metrics.TopKCategoricalAccuracy(k=5)
    metric.update_state(np.eye(scores.shape[1], dtype="float32")[labels], scores.astype("float32"))
    return {"scores": scores.astype("float32").tolist(), "labels": labels.tolist(), "hits": round(float(metric.result()) * len(labels))}


def top5_cases():
    labels = rng.integers(0, 11, 40)
    scores = rng.normal(size=(40, 11))
    return [
        top5_case(scores, labels),
        top5_case(np.round(scores), labels),  # ties at the border
        top5_case(np.zeros((40, 11)), labels),
        top5_case(rng.normal(size=(30, 6)), rng.integers(0, 6, 30)),
    ]


pathlib.Path(__file__).with_name("classification.json").write_text(
    json.dumps({"roc": roc_cases(), "classes": class_cases(), "top5": top5_cases()}) + "\n")
