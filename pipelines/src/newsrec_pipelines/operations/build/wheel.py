"""A model version as a wheel: its artefact, its reports, and a way to load it."""

import base64
import hashlib
import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from newsrec_pipelines.errors import BuildError
from newsrec_pipelines.models.artifacts import FOLDER, ModelManifest, read_manifest
from newsrec_pipelines.store import Store

# What an artefact may consist of: loading none of these executes code.
_ENDINGS: Final = (".npy", ".json", ".txt")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MODULE: Final = '''"""The {name} model {version}, trained on what was known before {as_of}."""

from pathlib import Path
from typing import Any

from newsrec_pipelines.parameters import Params
from newsrec_pipelines.models import kind
from newsrec_pipelines.models.artifacts import read_manifest
from newsrec_pipelines.store import Store

VERSION = "{version}"
FOLDER = Path(__file__).parent


class Model:
    """A trained model, and how to train it anew."""

    def __init__(self, trained: kind.Model) -> None:
        self.trained = trained

    def produce_model(self, training_data: Any) -> "Model":
        """Train the same kind with the same parameters on other data, starting from this one."""
        made = type(self.trained).produce_model(training_data, self.trained.params, self.trained)
        return Model(made)

    def predict(self, request: Any) -> Any:
        """A slate for each reader of a `newsrec_pipelines.features.types.Request`."""
        return self.trained.predict(request)


def load() -> Model:
    """The model of this package; its files are compared with the hashes of its manifest."""
    return Model(kind.load(Store(FOLDER.as_uri()), VERSION))


def params() -> Params:
    """The parameters that it was trained with."""
    return Params.model_validate(read_manifest(Store(FOLDER.as_uri()), VERSION).params)
'''
_READ_ME: Final = """\
The {name} model {version} of newsrec, trained on what was known before {as_of}
by the code of commit {commit}.

    import {module}
    slates = {module}.load().predict(request)

Beside the code lie the artefact (`models/{version}`), the reports of its tests and of its
evaluation (`report/`), how it was built (`build.json`), and `requirements.txt`, the hashed lock
of what its code needs:

    pip install --require-hashes -r requirements.txt
"""


@dataclass(frozen=True)
class Contents:
    """What goes into a wheel.

    Attributes:
        store: that holds the version.
        version: of the model.
        requires: the package, pinned, whose code loads it.
        files: more files by their path below the module, such as ``report/tests.xml``.
    """

    store: Store
    version: str
    requires: str
    files: dict[str, bytes] = field(default_factory=dict)


def module_name(kind_name: str) -> str:
    """What is imported."""
    return f"newsrec_model_{kind_name}"


def project_name(kind_name: str) -> str:
    """What is installed; normalized, see PEP 503."""
    return re.sub(r"[-_.]+", "-", module_name(kind_name))


def package_version(version: str) -> str:
    """The version of the package of a model: ``20260304-9f3c2b1a`` is ``2026.3.4+h9f3c2b1a``.

    A local version of digits only would be read as a number (PEP 440), hence the letter.

    Raises:
        BuildError: when it is no version of a model.
    """
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)-([0-9a-f]{8})", version)
    if not found:
        raise BuildError(f"{version} is no version of a model, such as 20260304-9f3c2b1a")
    year, month, day, digest = found.groups()
    return f"{int(year)}.{int(month)}.{int(day)}+h{digest}"


def wheel_name(kind_name: str, version: str) -> str:
    """The name of the file."""
    return f"{module_name(kind_name)}-{package_version(version)}-py3-none-any.whl"


def write_wheel(folder: Path, contents: Contents) -> Path:
    """Write the wheel into `folder`; the same contents make the same bytes.

    Raises:
        BuildError: when a file of the artefact is neither array, JSON nor text, or not the one that
            was saved.
        ModelError: when there is no such version.
    """
    manifest = read_manifest(contents.store, contents.version)
    module = module_name(manifest.name)
    files = {f"{module}/{path}": data for path, data in _files(manifest, contents).items()}
    info = f"{module}-{package_version(manifest.version)}.dist-info"
    files[f"{info}/METADATA"] = _metadata(manifest, contents.requires).encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: newsrec build-model\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = f"{info}/RECORD"
    files[record] = _record(files, record).encode()
    wheel = folder / wheel_name(manifest.name, manifest.version)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, compresslevel=1)
    return wheel


def _files(manifest: ModelManifest, contents: Contents) -> dict[str, bytes]:
    said = _said(manifest)
    files = {
        "__init__.py": _MODULE.format(**said).encode(),
        "py.typed": b"",
        **contents.files,
    }
    at = f"{FOLDER}/{manifest.version}"
    for name, sha256 in manifest.files.items():
        if not name.endswith(_ENDINGS):
            raise BuildError(f"{name} of model {manifest.version} is no array, JSON or text")
        data = contents.store.read_bytes(f"{at}/{name}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BuildError(f"{name} of model {manifest.version} is not the file that was saved")
        files[f"{at}/{name}"] = data
    files[f"{at}/manifest.json"] = contents.store.read_bytes(f"{at}/manifest.json")
    return files


def _metadata(manifest: ModelManifest, requires: str) -> str:
    said = _said(manifest)
    headers = {
        "Metadata-Version": "2.1",
        "Name": project_name(manifest.name),
        "Version": package_version(manifest.version),
        "Summary": f"The {manifest.name} model {manifest.version} of newsrec",
        "License": "Apache-2.0",
        "Requires-Python": ">=3.11,<3.13",
        "Requires-Dist": requires,
        "Description-Content-Type": "text/markdown",
    }
    lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
    return f"{lines}\n{_READ_ME.format(**said)}"


def _said(manifest: ModelManifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "module": module_name(manifest.name),
        "version": manifest.version,
        "as_of": f"{manifest.as_of:%Y-%m-%d %H:%M} UTC",
        "commit": manifest.git_commit,
    }


def _record(files: dict[str, bytes], record: str) -> str:
    lines = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(data)}\n")
    return "".join([*lines, f"{record},,\n"])


def as_json(value: object) -> bytes:
    """JSON for people, with sorted keys."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
