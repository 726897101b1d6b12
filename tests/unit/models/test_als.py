import numpy as np

from newsrec_pipelines.models.als import Als
from support.factories_models import (
    load_params,
    make_read,
    make_reads,
    make_request,
    make_training_data,
    without_history,
)

DATA = make_training_data()


def fitted() -> Als:
    return Als.fit(DATA, load_params())


def test_readers_score_what_others_of_their_taste_read_above_the_rest() -> None:
    als, request = fitted(), make_request(DATA, hours=120)
    scores = als.user_vectors(request) @ als.article_vectors(request).T
    same_taste = np.arange(scores.shape[0])[:, None] % 4 == np.arange(scores.shape[1])[None, :] % 4
    assert scores[same_taste].mean() > 3 * abs(scores[~same_taste].mean())


def test_a_new_read_counts_at_once_even_for_readers_who_came_after_the_training() -> None:
    als = fitted()
    stranger = DATA.users.head(1).with_columns(user_id=DATA.users["user_id"].head(1) + "-new")
    popular = DATA.reads["article_id"].mode()[0]
    history = make_reads([make_read(stranger["user_id"][0], popular)])
    before = als.user_vectors(make_request(DATA, users=stranger, history=history.clear()))
    after = als.user_vectors(make_request(DATA, users=stranger, history=history))
    assert not before.any()
    assert after.any()


def test_longer_dwell_pulls_a_reader_nearer_to_the_article() -> None:
    als, reader = fitted(), DATA.users.head(1)
    article = DATA.reads["article_id"][0]
    request = make_request(DATA, users=reader, hours=240)
    row = request.articles["article_id"].index_of(article)

    def score(dwell: float) -> float:
        history = make_reads([make_read("u00", article, dwell)])
        asked = make_request(DATA, users=reader, history=history, hours=240)
        return float(als.user_vectors(asked)[0] @ als.article_vectors(asked)[row])

    assert 0 < score(5.0) < score(60.0)


def test_articles_that_nobody_had_read_get_zeros() -> None:
    request = make_request(DATA, hours=240)
    vectors = fitted().article_vectors(request)
    unread = ~request.articles["article_id"].is_in(DATA.reads["article_id"].implode()).to_numpy()
    assert unread.any()
    assert not vectors[unread].any()
    assert vectors[~unread].any(axis=1).all()


def test_factors_are_the_same_bits_each_time() -> None:
    one, other = fitted(), fitted()
    assert one.factors.tobytes() == other.factors.tobytes()
    request = make_request(DATA)
    assert one.user_vectors(request).tobytes() == other.user_vectors(request).tobytes()


def test_als_survives_its_own_state() -> None:
    als, request = fitted(), make_request(DATA)
    again = Als.from_state(als.state(), load_params())
    np.testing.assert_array_equal(again.user_vectors(request), als.user_vectors(request))
    np.testing.assert_array_equal(again.article_vectors(request), als.article_vectors(request))


def test_als_without_any_read_scores_everything_zero() -> None:
    request = without_history(make_request(DATA))
    empty = make_training_data(users=2, articles=20)
    als = Als.fit(
        type(DATA)(**{**vars(empty), "reads": empty.reads.clear()}),
        load_params(),
    )
    assert not als.user_vectors(request).any()
    assert not als.article_vectors(request).any()
