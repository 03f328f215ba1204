#!/usr/bin/env python3
"""Checks JSON or YAML files against a JSON Schema.

    validate-json.py SCHEMA FILE...

The schema's own draft is used (draft 7 when it names none); `$ref`s to a file beside it, `*.schema.json`, are followed.
A file that has the key `autoinstall` alone at its top is judged by what is below. Prints `FILE: path: message` for each
fault; the exit code is 1 if there are any.
"""

import json
import pathlib
import sys

import jsonschema
import yaml


def load(path):
    """JSON by its own parser: YAML 1.1 reads some of its numbers and escapes in another way."""
    text = path.read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return yaml.safe_load(text)


def moved(schema, files, here):
    """The schema as a part of one that has all files: without names of its own, its references led to its new place."""
    if isinstance(schema, list):
        return [moved(part, files, here) for part in schema]
    if not isinstance(schema, dict):
        return schema
    names = [key for key in ("$id", "$schema") if isinstance(schema.get(key), str)]
    parts = {key: moved(part, files, here) for key, part in schema.items() if key not in names}
    if isinstance(schema.get("$ref"), str):
        file, _, fragment = schema["$ref"].partition("#")
        parts["$ref"] = f"#/$defs/{file or here}{fragment}" if (file or here) in files else schema["$ref"]
    return parts


def validator_for(path):
    schema = load(path)
    files = {file.name: load(file) for file in path.parent.glob("*.schema.json")} | {path.name: schema}
    whole = {
        "$ref": f"#/$defs/{path.name}",
        "$defs": {name: moved(part, files, name) for name, part in files.items()},
    }
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft7Validator)
    return kind(whole)


def faults(validator, path):
    try:
        value = load(path)
    except (OSError, ValueError, yaml.YAMLError) as error:
        return [f"{path}: {' '.join(str(error).split())}"]
    if isinstance(value, dict) and set(value) == {"autoinstall"}:
        value = value["autoinstall"]
    found = sorted(validator.iter_errors(value), key=lambda error: [str(part) for part in error.absolute_path])
    return [f"{path}: {'/'.join(map(str, error.absolute_path)) or '.'}: {error.message}" for error in found]


def main(schema, *files):
    validator = validator_for(pathlib.Path(schema))
    found = [fault for name in files for fault in faults(validator, pathlib.Path(name))]
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
