"""A simulated world of readers, publishers and articles whose hidden truth is known.

``taxonomy`` says what there is; ``readers`` and ``articles`` make it, ``headlines`` finds words.
``visits`` says who comes when, ``frontpage`` what they see, ``behaviour`` what they do: a pure
function that ``days`` (the front page, into the landing zone), ``react`` (our slates, through the
API) and ``slate_days`` (a table of slates, for experiments) share. ``dirt`` spoils some lines and
``truth`` writes what nobody else may read.

Everything of a day is derived from the seed and the day alone (``seeds``): days can be written in
any order and any number of times, and are always the same bytes.
"""
