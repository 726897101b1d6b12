"""The command line and composition root: settings, transport and database meet here only."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

from newsrec_common import log_lines
from newsrec_common.errors import SettingsError
from newsrec_mailer.deliveries import connect
from newsrec_mailer.digest import Templates
from newsrec_mailer.errors import MailerError
from newsrec_mailer.links import Links
from newsrec_mailer.message import Sender
from newsrec_mailer.outbox import Outbox
from newsrec_mailer.progress import track
from newsrec_mailer.send import DigestSender, Job
from newsrec_mailer.settings import Settings
from newsrec_mailer.smtp import Smtp
from newsrec_mailer.transport import Transport


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command. What a user can cause becomes one line on standard error and exit status 1."""
    try:
        log_lines.install(os.environ, "newsrec-mailer", "newsrec-mailer")
        arguments = _parser().parse_args(argv)
        _send(arguments, os.environ)
    except (MailerError, SettingsError) as e:
        print(f"newsrec-mailer: {e}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:  # before the first message or after the last one
        print("newsrec-mailer: interrupted", file=sys.stderr)
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="newsrec-mailer", description="The daily digest.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    send = commands.add_parser("send", help="send the digests of one day, each at most once")
    send.add_argument("--date", required=True, type=date.fromisoformat, help="YYYY-MM-DD")
    send.add_argument(
        "--as-of",
        type=_moment,
        help="ISO 8601 with offset: use the slates computed until then",
    )
    send.add_argument("--region", help="only readers of this region")
    return parser


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no offset such as +00:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError as e:
        raise ValueError(text) from e


def _send(arguments: argparse.Namespace, env: Mapping[str, str]) -> None:
    settings = Settings.from_env(env)
    day: date = arguments.date
    with connect(settings.database_url) as deliveries:
        deliveries.prepare(day)
        run = deliveries.current_run(day, arguments.as_of or datetime.now(UTC))
        sender = Sender(settings.sender_name, settings.sender_address, settings.unsubscribe_address)
        job = Job(day, run, arguments.region, sender, now=lambda: datetime.now(UTC))
        transport = _transport(settings, day)
        links = Links(settings.public_url, settings.link_secret)
        digests = DigestSender(job, deliveries, transport, links, Templates())
        transport.open()
        try:
            with _asked_to_stop() as stop:
                readers = track(deliveries.readers(run), run.readers, sys.stderr)
                digests.send_all(readers, stop.is_set)
        finally:
            transport.close()
            print(f"{day}, run {run.run_id}, {run.readers} readers: {digests.counts.line()}")
    if stop.is_set():
        raise MailerError("stopped as asked; the same command goes on with the others")


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Signals that end us set an event instead: we end between two messages, nothing uncertain."""
    stop = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.set()) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _transport(settings: Settings, day: date) -> Transport:
    if settings.smtp is not None:
        return Smtp(settings.smtp)
    return Outbox(settings.outbox / str(day))
