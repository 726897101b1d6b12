"""`python -m newsrec_hooks.canary_weight [WEIGHT]` tells or sets the share of the canary by hand.

It runs beside the receiver, in its pod: what aborts a canary and what begins one are one program,
with one way to Kong.
"""

import json
import os
import sys
from functools import partial

from newsrec_hooks.adapters.deadline import Deadline
from newsrec_hooks.adapters.kong import Kong, nodes
from newsrec_hooks.canary import FULL
from newsrec_hooks.errors import RefusedError, UnavailableError
from newsrec_hooks.settings import Settings, SettingsError

_SECONDS = 20.0


def main(arguments: list[str]) -> str:
    """Change the weight when there is one to change it to; the weights of each node as JSON.

    Raises:
        SystemExit: with one line, when the weight, the settings or Kong are not what they must be.
    """
    try:
        settings = Settings.from_env(os.environ)
        if not settings.kong_admin_url:
            raise SettingsError("KONG_ADMIN_URL is not set: there is no canary")
        admin = partial(nodes, settings.kong_admin_url)
        kong = Kong(admin, settings.kong_upstream, settings.kong_canary)
        deadline = Deadline.after(_SECONDS)
        if arguments:
            kong.weigh(_weight(arguments), deadline)
        return json.dumps(kong.weights(deadline))
    except (SettingsError, ValueError) as e:
        sys.exit(f"newsrec-hooks: {e}")
    except (RefusedError, UnavailableError) as e:
        sys.exit(f"newsrec-hooks: {e.detail}")


def _weight(arguments: list[str]) -> int:
    text = arguments[0]
    if len(arguments) != 1 or not (text.isascii() and text.isdigit()) or int(text) > FULL:
        raise ValueError(f"a weight is a whole number from 0 to {FULL}")
    return int(text)


if __name__ == "__main__":
    print(main(sys.argv[1:]))
