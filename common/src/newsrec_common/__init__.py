"""What API, receiver of alerts, mailer and pipelines share; it imports none of them."""
