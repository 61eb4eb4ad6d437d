#!/usr/bin/env python3
"""Holds `thaw schema` against sweep files that thaw reads and refuses, by the jsonschema package.

tests/parity/sweep_schema.py SCHEMA.json: every file in sweeps/ passes; every file in tests/coordinator/sweep/broken does not,
but for those whose fault no schema can see. Exit code 77: jsonschema or ruamel.yaml (YAML 1.2, as
editors read it) is not installed.
"""
import json
import pathlib
import sys

try:
    import jsonschema
    import ruamel.yaml
except ImportError as missing:
    print(missing)
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]


def fault(validator, text):
    """What is wrong with a sweep file's text; None where it passes."""
    try:
        value = ruamel.yaml.YAML(typ="safe", pure=True).load(text)
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except (ruamel.yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        return f"not YAML: {error}"
    return error.message if error else None


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    wrong = []
    for file in sorted((ROOT / "sweeps").glob("*.yaml")):
        if reason := fault(validator, file.read_text()):
            wrong.append(f"{file.name} is refused: {reason}")
    passed = set()
    for file in sorted((ROOT / "tests/coordinator/sweep/broken").glob("*.yaml")):
        if file.stem == "billion_laughs":  # a validator of Python's would look at each
            continue
        if fault(validator, file.read_bytes().decode("utf-8", "replace")) is None:
            passed.add(file.stem)
    expected = set((ROOT / "tests/parity/beyond_the_schema.txt").read_text().split())
    wrong += [f"{name}.yaml passes" for name in sorted(passed - expected)]
    wrong += [f"{name}.yaml does not pass any more" for name in sorted(expected - passed)]
    print("\n".join(wrong))
    sys.exit(bool(wrong))


main()
