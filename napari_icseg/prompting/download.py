"""Downloading a large file over a connection that breaks: resumed, checked, then renamed.

pooch checks the SHA-256 and renames; what it lacks is to go on where a transfer stopped.
What has arrived lies beside the target as `NAME.part` until it is complete.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pooch
import requests
from filelock import FileLock, Timeout

from napari_icseg.prompting.errors import DownloadCancelledError, DownloadError
from trainers.io.atomic import write_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Progress = Callable[[int, int | None], None]
    """Is told the bytes that have arrived and the bytes of the whole file, if known."""

CHUNK_BYTES = 256 * 1024
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 10.0, 30.0
_MIB = 2**20
_BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
_OK, _PARTIAL, _RANGE_REFUSED, _SERVER_ERROR = 200, 206, 416, 500


@dataclass(frozen=True)
class ResumingDownloader:
    """A pooch downloader that continues `part`, and keeps it when it has to stop.

    Attributes:
        part: where bytes are collected.
        progress: called after each chunk.
        cancelled: asked before each chunk.
        num_tries: attempts in a row that may end without a single new byte.
        pause_s: before the second attempt; doubled for each further one.

    """

    part: Path
    progress: Progress | None = None
    cancelled: Callable[[], bool] | None = None
    num_tries: int = 4
    pause_s: float = 0.5

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Transfer `url` and move it to `output_file`; raise `DownloadError`."""
        failures = 0
        while True:
            before = self._num_bytes()
            try:
                self._transfer(url)
                break
            except _BROKEN as error:
                failures = 1 if self._num_bytes() > before else failures + 1
                if failures >= self.num_tries:
                    raise _unreachable(url, error, self._num_bytes()) from error
                self._pause(self.pause_s * 2 ** (failures - 1))
        os.replace(self.part, output_file)

    def _transfer(self, url: str) -> None:
        start = self._num_bytes()
        # compressed bytes could be neither counted nor resumed
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        timeout = (_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S)
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
            if response.status_code == _RANGE_REFUSED:
                self._settle_refused_range(url, response)
            elif response.status_code in (_OK, _PARTIAL):
                self._receive(response, start)
            else:
                raise _refused(url, response)

    def _receive(self, response: requests.Response, start: int) -> None:
        # a server that ignores ranges sends everything again
        start = _range_start(response) if response.status_code == _PARTIAL else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length is not None else None
        self._check_space(start, total)
        with self.part.open("r+b" if start else "wb") as file:
            file.seek(start)
            for chunk in response.iter_content(CHUNK_BYTES):
                self._check_cancelled()
                file.write(chunk)
                if self.progress is not None:
                    self.progress(file.tell(), total)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
            if total is not None and file.tell() < total:
                raise requests.ConnectionError(f"the transfer ended at {file.tell()} of {total}")

    def _settle_refused_range(self, url: str, response: requests.Response) -> None:
        """Return if all bytes are there already; else start over once."""
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
        if total == str(self._num_bytes()):
            return
        self.part.unlink(missing_ok=True)
        self._transfer(url)

    def _check_space(self, start: int, total: int | None) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if total is not None and total - start > free:
            raise DownloadError(
                f"The disk is too full for {self.part.stem}: {(total - start) / _MIB:.0f} MiB are "
                f"needed in {self.part.parent}, {free / _MIB:.0f} MiB are free. "
                "Free some space and try again."
            )

    def _check_cancelled(self) -> None:
        if self.cancelled is not None and self.cancelled():
            raise DownloadCancelledError(
                f"The download of {self.part.stem} was stopped. What has arrived "
                f"({self._num_bytes() / _MIB:.0f} MiB) is kept; the next try goes on there."
            )

    def _pause(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._check_cancelled()
            time.sleep(min(0.05, seconds))

    def _num_bytes(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


def download(
    url: str,
    target: Path,
    *,
    sha256: str,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    num_tries: int = 4,
    pause_s: float = 0.5,
) -> Path:
    """Download `url` to `target` unless it is there already and right; return `target`.

    An interrupted transfer is continued, now and at the next call. `target` appears only
    complete and with the right hash; a file with another is removed.

    Args:
        url: of the file.
        target: where it goes; the folder is made.
        sha256: that the file must have, hexadecimal.
        progress: told the bytes arrived and the bytes in all (None if unknown).
        cancelled: asked often whether to stop.
        num_tries: attempts in a row that may bring nothing.
        pause_s: before the second of them; doubled for each further one.

    Raises:
        DownloadCancelledError: `cancelled` said so.
        DownloadError: no network, not found, wrong hash, disk full or read-only, or another
            process is downloading the same file.

    """
    # pooch tells each download on the terminal
    pooch.get_logger().setLevel(logging.WARNING)
    part = target.with_name(target.name + ".part")
    fetch = ResumingDownloader(part, progress, cancelled, num_tries, pause_s)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(target):
            pooch.retrieve(
                url, f"sha256:{sha256}", fname=target.name, path=target.parent, downloader=fetch
            )
    except Timeout as error:
        raise DownloadError(
            f"Another program is downloading {target.name} to {target.parent}. "
            "Choose the model again when it is done."
        ) from error
    except requests.RequestException as error:
        raise _unreachable(url, error, 0) from error
    except ValueError as error:
        raise DownloadError(
            f"{target.name} from {_host(url)} is not the file that was expected (its SHA-256 "
            "differs) and was removed. Try again; if it happens again, the server or a proxy "
            "changes the file: download it elsewhere and import it."
        ) from error
    except OSError as error:
        raise _not_written(target, error) from error
    return target


@contextlib.contextmanager
def _only_one(target: Path) -> Iterator[None]:
    """Keep a second process from writing into the same part; raise `Timeout` in it."""
    lock = target.with_name(target.name + ".lock")
    with FileLock(lock, timeout=0):
        try:
            yield
        finally:
            # Windows removes no open file; a lock file that stays locks nothing
            with contextlib.suppress(OSError):
                lock.unlink(missing_ok=True)


def _range_start(response: requests.Response) -> int:
    """Return the first byte of a partial answer, `Content-Range: bytes 5-9/10`."""
    given = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    if not given.isdigit():
        raise DownloadError(
            f"{_host(response.url)} answers with a part of the file without saying which. "
            "Download it with a browser and import it."
        )
    return int(given)


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _refused(url: str, response: requests.Response) -> DownloadError:
    status = f"{response.status_code} {response.reason}"
    if response.status_code >= _SERVER_ERROR:
        remedy = "The server has a problem; try again later."
    else:
        remedy = (
            "Check the address (environment variable ICSEG_SAM2_URL, if it is set), or download "
            "the file elsewhere and import it."
        )
    return DownloadError(f"{_host(url)} does not give {url}: {status}. {remedy}")


def _unreachable(url: str, error: Exception, num_bytes: int) -> DownloadError:
    kept = f" The {num_bytes / _MIB:.1f} MiB that arrived are kept." if num_bytes else ""
    return DownloadError(
        f"{_host(url)} cannot be reached, or the connection broke ({type(error).__name__}).{kept} "
        "Check network and proxy and try again. A machine without network: download "
        f"{url} on another one and import the file."
    )


def _not_written(target: Path, error: OSError) -> DownloadError:
    message = str(write_error(target, error))
    if error.errno == errno.ENOSPC:
        message += " What has arrived is kept."
    return DownloadError(message)
