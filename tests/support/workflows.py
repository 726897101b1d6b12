"""What the linters of workflows do not know: our Makefile, our files, how a deployment goes."""

import os
import re
from pathlib import Path
from typing import Any

import yaml

from support.postgres import REPOSITORY

FOLDER = REPOSITORY / ".github/workflows"
Workflow = dict[str, Any]
Job = dict[str, Any]

# Who may do more than read, and what.
_MAY_WRITE = {("deploy", "publish"): {"contents": "read", "packages": "write"}}
_CHAIN = ["main-only", "check", "publish", "test", "production"]
_PINNED = re.compile(r"^\s*(?:- )?uses: (\S+?)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$", re.MULTILINE)
_USES = re.compile(r"^\s*(?:- )?uses: (?!\./)(\S+)", re.MULTILINE)


def texts() -> dict[str, str]:
    """Every workflow and composite action: name -> text."""
    actions = (REPOSITORY / ".github/actions").glob("*/action.yml")
    return {
        **{file.stem: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.yml")},
        **{file.parent.name: file.read_text(encoding="utf-8") for file in actions},
    }


def wrong_with(files: dict[str, str]) -> list[str]:
    """What is wrong, a line each."""
    parsed = {name: yaml.safe_load(text) for name, text in files.items()}
    workflows = {name: content for name, content in parsed.items() if "jobs" in content}
    wrong = _pins(files)
    for name, content in parsed.items():
        wrong += [f"{name}: {x}" for run in _runs(content) for x in _commands(run)]
    for name, content in workflows.items():
        wrong += [f"{name}: {x}" for x in _workflow(name, content)]
    return wrong + _chain(workflows["deploy"]["jobs"]) + _complete(workflows)


def _pins(files: dict[str, str]) -> list[str]:
    wrong, hashes = [], {}
    for name, text in files.items():
        pinned = _PINNED.findall(text)
        if len(pinned) != len(_USES.findall(text)):
            wrong.append(f"{name}: an action that is not pinned by its hash, with its version")
        for action, commit in pinned:
            if hashes.setdefault(action, commit) != commit:
                wrong.append(f"{name}: {action} is another one than elsewhere")
    return wrong


def _steps(content: Any) -> list[dict[str, Any]]:
    jobs = content.get("jobs", {"": content.get("runs", {})})
    return [step for job in jobs.values() for step in job.get("steps", [])]


def _runs(content: Any) -> list[str]:
    return [step["run"] for step in _steps(content) if "run" in step]


def _commands(run: str) -> list[str]:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    wrong = [
        f"the Makefile has no {target}"
        for target in re.findall(r"(?:^|[\s;&|(])make ([a-z-]+)", run)
        if target not in targets | {"git"}  # `apt-get install … make git`
    ]
    for script in re.findall(r"(?:^|\s)((?:\.ci|infra)/[\w./-]+)", run):
        path = REPOSITORY / script
        if not path.is_file():
            wrong.append(f"there is no {script}")
        elif path.suffix != ".py" and not os.access(path, os.X_OK):
            wrong.append(f"{script} cannot be run")
    if re.search(r"\|\| *(true|:)|set \+e", run):
        wrong.append("a failure is passed over")
    return wrong


def _workflow(name: str, content: Workflow) -> list[str]:
    wrong = []
    if content.get("permissions") != {}:
        wrong.append("rights that no job asked for")
    if "concurrency" not in content:
        wrong.append("two at once")
    if content.get("defaults") != {"run": {"shell": "bash"}}:
        wrong.append("a pipe that breaks is not seen")
    triggers = content.get("on", content.get(True))  # YAML 1.1 takes `on` for true
    if {"pull_request_target", "workflow_run"} & set(triggers):
        wrong.append("strangers' code with our rights")
    for job, details in content["jobs"].items():
        allowed = _MAY_WRITE.get((name, job), {"contents": "read"})
        if not (details.get("permissions") or {}).items() <= allowed.items():
            wrong.append(f"{job} may do too much")
        if "permissions" not in details:
            wrong.append(f"{job} says not what it may do")
        if "timeout-minutes" not in details and "uses" not in details:
            wrong.append(f"{job} may last for ever")
        if details.get("continue-on-error"):
            wrong.append(f"{job}: a failure is passed over")
        for step in details.get("steps", []):
            if step.get("continue-on-error"):
                wrong.append(f"{job}: a failure is passed over")
            checkout = step.get("uses", "").startswith("actions/checkout@")
            if checkout and step.get("with", {}).get("persist-credentials") is not False:
                wrong.append(f"{job} leaves its token in the clone")
            if (local := step.get("uses", "")).startswith("./") and not (
                REPOSITORY / local / "action.yml"
            ).is_file():
                wrong.append(f"there is no {local}")
    return wrong


def _chain(jobs: dict[str, Job]) -> list[str]:
    """One job after the other, none of which goes on when the one before has failed."""
    wrong = []
    if list(jobs) != _CHAIN:
        return [f"deploy: its jobs are {', '.join(jobs)}"]
    for before, name in zip([None, *_CHAIN], _CHAIN, strict=False):
        if jobs[name].get("needs") != before:
            wrong.append(f"deploy: {name} does not wait for {before}")
        if "if" in jobs[name]:
            wrong.append(f"deploy: {name} may go on after a failure")
        wrong += [
            f"deploy: {name}: a step may go on after a failure"
            for step in jobs[name].get("steps", [])
            if "if" in step
        ]
    for name in ("test", "production"):
        if jobs[name].get("environment") != name:
            wrong.append(f"deploy: {name} is not in its environment")
    if jobs["test"].get("steps") != jobs["production"].get("steps"):
        wrong.append("deploy: production is put up otherwise than the test environment")
    if jobs["check"].get("uses") != "./.github/workflows/ci.yml":
        wrong.append("deploy: nothing is checked")
    return wrong


def _complete(workflows: dict[str, Workflow]) -> list[str]:
    wrong = []
    ci = workflows["ci"]["jobs"]
    for job, target in (
        ("lint", "lint"),
        ("test", "test"),
        ("coverage", "coverage"),
        ("manifests", "manifests"),
    ):
        if not any(f"make {target}" in run for run in _runs({"jobs": {"": ci.get(job, {})}})):
            wrong.append(f"ci: no job {job} runs make {target}")
    played = "\n".join(_runs(workflows["e2e-kind"]))
    wrong += [
        f"e2e-kind: nobody runs {command}"
        for command in ("make up", "infra/deploy/smoke.py", "make canary-abort", "make down")
        if command not in played
    ]
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (images,) = re.findall(r"^IMAGES := (.+)$", makefile, re.MULTILINE)
    for name, job in (
        ("ci", ci.get("images", {})),
        ("deploy", workflows["deploy"]["jobs"]["publish"]),
    ):
        if job.get("strategy", {}).get("matrix", {}).get("image") != images.split():
            wrong.append(f"{name}: not every image")
        if not any(
            s.get("uses") == "./.github/actions/scanned-image" for s in job.get("steps", [])
        ):
            wrong.append(f"{name}: images are not scanned")
    return wrong


def written(folder: Path, files: dict[str, str]) -> Path:
    """The workflows among `files` as a repository of their own has them; gives their folder."""
    workflows = folder / ".github/workflows"
    workflows.mkdir(parents=True)
    for name, text in files.items():
        (workflows / f"{name}.yml").write_text(text, encoding="utf-8")
    return workflows
