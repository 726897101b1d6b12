"""Files of runs in the store, read by libraries that only explanations need."""

import threading
from datetime import date

from newsrec_api.errors import NotInstalledError
from newsrec_api.repositories.interfaces import Evidence
from newsrec_api.values import Kept


class StoreEvidence:
    """Imports LightGBM and pyarrow at the first explanation: most processes never give any."""

    def __init__(self, store_url: str) -> None:
        self._store_url = store_url
        self._files: Evidence | None = None
        self._lock = threading.Lock()

    def kept(self, day: date, run_id: str, variant: str, user_id: str, article_id: str) -> Kept:
        """What led to one place.

        Raises:
            NotInstalledError: when the image leaves these libraries out.
            GoneError, DamagedError, UnavailableError: as `run_files.RunFiles.kept`.
        """
        with self._lock:
            if self._files is None:
                self._files = self._open()
        return self._files.kept(day, run_id, variant, user_id, article_id)

    def _open(self) -> Evidence:
        try:
            from newsrec_api.repositories.run_files import RunFiles
        except ImportError as e:
            raise NotInstalledError(
                "explanations need LightGBM and pyarrow, which are not installed here: "
                "install newsrec-api[explain], or run newsrec explain"
            ) from e
        return RunFiles(self._store_url)
