"""Holds the manifests of a folder against the schemas of Kubernetes and KEDA: FOLDER VERSION...

Run by manifests.rs. Ends with 1 if a document has a mistake, or if a schema takes what is one.
"""

import copy
import json
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml


def mistake(document, versions, keda):
    """What is wrong with a document; none if nothing is."""
    if document.get("apiVersion", "").startswith("keda.sh/"):
        error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(keda).iter_errors(document))
        return error and f"{place(error)}: {error.message}"
    for version in versions:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            return f"{place(error)}: {error.message} (Kubernetes {version})"
        except kubernetes_validate.SchemaNotFoundError as error:
            return error.message
    return None


def place(error):
    return ".".join(str(step) for step in error.path) or "the document"


def main(folder, versions):
    folder = pathlib.Path(folder)
    keda = json.loads((folder / "keda.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(keda)
    seen, mistakes = 0, []
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            seen += 1
            name = f"{path.name}: {document.get('kind')} {document.get('metadata', {}).get('name')}"
            found = mistake(document, versions, keda)
            if found:
                mistakes.append(f"{name}: {found}")
                continue
            wrong = copy.deepcopy(document)
            wrong["metadata" if "spec" not in wrong else "spec"]["no-such-field"] = 1
            if not mistake(wrong, versions, keda):
                mistakes.append(f"{name}: its schema takes a field that does not exist, so it shows nothing")
    print("\n".join(mistakes) or f"{seen} documents fit")
    return 1 if mistakes or not seen else 0


sys.exit(main(sys.argv[1], sys.argv[2:]))
