"""What the ranker's trees look at, as a picture; matplotlib would cost a training a second."""

from collections.abc import Mapping
from html import escape
from typing import Final

_BARS: Final = 30
_ROW, _NAMES, _WIDEST = 18, 260, 420  # pixels
_TEXT: Final = 'font-family="sans-serif" font-size="11" fill="#3b4252"'


def importance(shares: Mapping[str, float]) -> bytes:
    """Bars of the shares of the gain, the largest first, as SVG.

    Args:
        shares: `Ranker.importance`: by column, of all 1. Columns without any are left out.
    """
    used = {name: share for name, share in shares.items() if share > 0}
    shown = sorted(used.items(), key=lambda item: (-item[1], item[0]))[:_BARS]
    largest = max((share for _, share in shown), default=1.0)
    title = "Share of the gain of the ranker's splits, by column"
    if len(shown) < len(used):
        title += f": {_BARS} of {len(used)}"
    rows = [f'<text x="8" y="16" {_TEXT} font-weight="bold">{title}</text>']
    for n, (name, share) in enumerate(shown):
        top = 28 + n * _ROW
        width = share / largest * _WIDEST
        rows.append(
            f'<text x="{_NAMES}" y="{top + 11}" text-anchor="end" {_TEXT}>{escape(name)}</text>'
            f'<rect x="{_NAMES + 8}" y="{top}" width="{width:.1f}" height="13" fill="#0b5fff"/>'
            f'<text x="{_NAMES + 14 + width:.1f}" y="{top + 11}" {_TEXT}>{share:.1%}</text>'
        )
    size = f'width="{_NAMES + _WIDEST + 80}" height="{36 + len(shown) * _ROW}"'
    background = '<rect width="100%" height="100%" fill="white"/>'
    content = "\n".join([background, *rows])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{content}\n</svg>\n'.encode()
