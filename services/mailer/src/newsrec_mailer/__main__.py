"""Lets `python -m newsrec_mailer` do what newsrec-mailer does."""

from newsrec_mailer.cli import main

main()
