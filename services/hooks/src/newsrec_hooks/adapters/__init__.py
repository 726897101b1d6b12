"""The programs behind us: protocols, and their implementations over HTTP."""
