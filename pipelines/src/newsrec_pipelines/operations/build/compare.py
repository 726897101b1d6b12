"""Whether an installed model answers as the version in the store: run with its environment.

    python compare.py FOLDER MODULE STORE_URL

FOLDER is where the wheel was installed. It prints how many readers' slates are the same.
"""

import importlib
import sys
from dataclasses import replace

from newsrec_pipelines.features.examples import build_request
from newsrec_pipelines.models import kind
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.store import Store

_READERS = 200


def main(folder: str, module: str, store_url: str) -> int:
    """Compare the slates of some readers at the moment of the training; 1 when they differ."""
    sys.path.insert(0, folder)
    package = importlib.import_module(module)
    store = Store(store_url)
    manifest = read_manifest(store, package.VERSION)
    request = build_request(store, manifest.as_of, package.params())
    users = request.users.head(_READERS)
    history = request.history.join(users.select("user_id"), on="user_id", how="semi")
    request = replace(request, users=users, history=history)
    packaged = package.load().predict(request)
    if not packaged.equals(kind.load(store, package.VERSION).predict(request)):
        print("the package gives other slates than the version in the store")
        return 1
    print(f"same slates for {packaged.height} readers")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
