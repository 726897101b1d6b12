"""Speaks to the API over HTTP as any app would: asks for slates, reports events, opens links."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import orjson
import urllib3

from newsrec_pipelines.errors import DataError
from newsrec_pipelines.progress import track

_THREADS = 4
_BATCH = 500  # events of one request
_TIMEOUT_SECONDS = 30.0
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Slate:
    """What the API recommends to one reader, best first."""

    slate_id: str | None
    article_ids: tuple[str, ...]


class ApiClient:
    """Keep-alive connections to one API. Every failure is a DataError of one line."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise DataError(f"--api must start with http:// or https://, not {url!r}")
        self._http = urllib3.PoolManager(
            maxsize=_THREADS,
            timeout=_TIMEOUT_SECONDS,
            # All that we send may be sent twice: events are idempotent by their id.
            retries=urllib3.Retry(2, redirect=0, allowed_methods=None, backoff_factor=0.2),
        )

    def slates(self, readers: Sequence[str]) -> list[Slate]:
        """One slate for each reader, in their order."""
        return self._each(self._slate, readers, "readers ask for slates")

    def report(self, events: Sequence[dict[str, Any]]) -> dict[str, int]:
        """Post events in batches; counts ``accepted`` and ``duplicates``."""
        batches = [events[i : i + _BATCH] for i in range(0, len(events), _BATCH)]
        answers = self._each(self._post, batches, "readers report events")
        return {k: sum(a[k] for a in answers) for k in ("accepted", "duplicates")}

    def follow(self, paths: Sequence[str]) -> None:
        """Open links, without going where they lead."""
        self._each(self._open, paths, "readers follow links")

    def _each(self, work: Callable[[S], T], items: Sequence[S], description: str) -> list[T]:
        with ThreadPoolExecutor(_THREADS) as threads:
            results: Iterable[T] = threads.map(work, items)
            try:
                return list(track(results, description, total=len(items)))
            except DataError:
                threads.shutdown(cancel_futures=True)
                raise

    def _slate(self, reader: str) -> Slate:
        path = f"/v1/readers/{quote(reader, safe='')}/recommendations"
        answer = self._json("GET", path, 200, fields={"limit": "10"})
        try:
            ids = tuple(str(item["article_id"]) for item in answer["items"])
            slate_id = answer["slate_id"]
        except (KeyError, TypeError) as e:
            raise DataError(f"{self.url}{path} answered no slate: {e!r} is missing") from e
        if not ids:
            raise DataError(
                f"{self.url} has an empty slate for {reader}: run newsrec recommend first"
            )
        return Slate(slate_id, ids)

    def _post(self, events: Sequence[dict[str, Any]]) -> dict[str, int]:
        body = orjson.dumps({"events": list(events)})
        headers = {"Content-Type": "application/json"}
        answer = self._json("POST", "/v1/events", 202, body=body, headers=headers)
        try:
            if rejected := answer["rejected"]:
                first = rejected[0]["detail"]
                raise DataError(f"{self.url} rejected {len(rejected)} events, the first: {first}")
            return {k: int(answer[k]) for k in ("accepted", "duplicates")}
        except (KeyError, TypeError, ValueError) as e:
            raise DataError(f"{self.url}/v1/events answered something else: {e!r}") from e

    def _open(self, path: str) -> None:
        response = self._request("GET", path, redirect=False)
        if response.status not in (302, 303, 307):
            raise DataError(f"the link {path[:20]}… answered {response.status}, no redirect")

    def _json(self, method: str, path: str, status: int, **options: Any) -> Any:
        response = self._request(method, path, **options)
        if response.status != status:
            said = response.data[:200].decode(errors="replace")
            raise DataError(
                f"{self.url}{path} answered {response.status}: {' '.join(said.split())}"
            )
        try:
            return orjson.loads(response.data)
        except orjson.JSONDecodeError as e:
            raise DataError(f"{self.url}{path} answered no JSON") from e

    def _request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        try:
            return self._http.request(method, self.url + path, **options)
        except urllib3.exceptions.HTTPError as e:
            raise DataError(f"the API at {self.url} does not answer ({type(e).__name__})") from e
