"""What the analyses of corpora find in posts of twenty newsgroups.

    python benchmarks/corpora.py DIR            all figures, about five minutes
    python benchmarks/corpora.py DIR --speed    times on generated activations alone

DIR holds newsgroups.jsonl.gz with the columns `text` and `topic`. No language model is
used: neurons are named by KeyphraseInterpreter.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import normalize

from sklearn_hsae import (
    EmbeddingTransformer,
    KeyphraseInterpreter,
    MatryoshkaSAETransformer,
)
from sklearn_hsae.corpora import (
    DirectedClustering,
    FeatureRetriever,
    compare_corpora,
    feature_correlations,
)

N_POSTS, N_LETTERS = 1_500, 300
QUERIES = {
    "alt.atheism": "atheism",
    "comp.graphics": "computer graphics and images",
    "comp.os.ms-windows.misc": "Microsoft Windows",
    "comp.sys.ibm.pc.hardware": "PC hardware",
    "comp.sys.mac.hardware": "Apple Macintosh hardware",
    "comp.windows.x": "X window system",
    "misc.forsale": "items for sale",
    "rec.autos": "cars",
    "rec.motorcycles": "motorcycles",
    "rec.sport.baseball": "baseball",
    "rec.sport.hockey": "ice hockey games",
    "sci.crypt": "encryption and privacy",
    "sci.electronics": "electronic circuits",
    "sci.med": "medicine and diseases",
    "sci.space": "space flight and NASA",
    "soc.religion.christian": "Christianity",
    "talk.politics.guns": "gun control",
    "talk.politics.mideast": "Israel and the Middle East",
    "talk.politics.misc": "politics and government",
    "talk.religion.misc": "religion",
}
WISHES = {
    "computers": ("comp.",),
    "sports and vehicles": ("rec.",),
    "religion and politics": ("talk.", "soc.", "alt."),
    "science and medicine": ("sci.",),
}


def read_posts(folder):
    posts = pd.read_json(Path(folder) / "newsgroups.jsonl.gz", lines=True)
    posts = posts[posts["text"].str.strip().str.len() > 50]
    posts = posts.sample(N_POSTS, random_state=0)
    return posts["text"].str.slice(0, N_LETTERS).tolist(), posts["topic"].to_numpy()


def comparison(activations, topics):
    """Two topics against each other, and random halves of all posts."""
    pair = np.isin(topics, ["rec.sport.hockey", "sci.space"])
    table = compare_corpora(activations[pair], topics[pair], correction="holm")
    print(f"hockey and space: {table['significant'].sum()} of {len(table)} significant")
    print(table[["feature", "share_a", "share_b", "p_corrected"]].head(6).to_string())
    rng, found = np.random.default_rng(0), 0
    for _ in range(200):
        halves = rng.permutation(np.arange(len(topics)) % 2)
        found += compare_corpora(activations, halves, n_examples=0)["significant"].any()
    print(f"random halves with a significant feature: {found} of 200")


def retrieval(activations, topics, vectors, embedder):
    queries = normalize(embedder.transform(list(QUERIES.values())).to_numpy())
    nearest = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    hits = [(topics[row] == t).mean() for t, row in zip(QUERIES, nearest, strict=True)]
    print(f"precision at 10, embeddings: {np.mean(hits):.3f}")
    for n_features in (1, 3, 5, 10, 20):
        retriever = FeatureRetriever(n_features).fit(activations)
        hits = [
            (topics[retriever.query(query)["row"]] == topic).sum() / 10
            for topic, query in QUERIES.items()
        ]
        print(f"precision at 10, {n_features} features: {np.mean(hits):.3f}")


def clustering(activations, topics, vectors):
    """Adjusted Rand index among the posts of the topics that a wish means."""
    rand = {name: [] for name in ("embeddings", 20, 50, 100)}
    for wish, prefixes in WISHES.items():
        is_meant = np.array([topic.startswith(prefixes) for topic in topics])
        for seed in range(3):
            everything = KMeans(8, n_init=10, random_state=seed).fit_predict(vectors)
            labels = {"embeddings": everything}
            for n_features in (20, 50, 100):
                directed = DirectedClustering(
                    wish, 8, n_features=n_features, random_state=seed
                )
                labels[n_features] = directed.fit_predict(activations)
            for name, found in labels.items():
                score = adjusted_rand_score(topics[is_meant], found[is_meant])
                rand[name].append(score)
    for name, scores in rand.items():
        print(f"adjusted Rand index, {name}: {np.mean(scores):.3f}")


def speed():
    """100,000 texts, 65,536 features of which 64 are active per text."""
    rng, n_texts, n_features, k = np.random.default_rng(0), 100_000, 65_536, 64
    columns = rng.exponential(size=n_texts * k) ** 2 * 8_000
    columns = np.minimum(columns, n_features - 1).astype(np.int32)
    starts = np.arange(0, n_texts * k + 1, k)
    values = np.ones(n_texts * k, np.float32)
    X = sparse.csr_array((values, columns, starts), (n_texts, n_features))
    X.sum_duplicates()
    halves = rng.permutation(np.arange(n_texts) % 2)
    for name, call in (
        ("compare_corpora", lambda: compare_corpora(X, halves)),
        ("feature_correlations", lambda: feature_correlations(X, min_count=100)),
    ):
        start = time.perf_counter()
        n_rows = len(call())
        print(f"{name}: {n_rows} rows in {time.perf_counter() - start:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    if options.speed:
        return speed()
    texts, topics = read_posts(options.folder)
    embedder = EmbeddingTransformer()
    embeddings = embedder.fit_transform(texts)
    sae = MatryoshkaSAETransformer(256, 8, random_state=0)
    activations = sae.set_output(transform="pandas").fit_transform(embeddings)
    activations = KeyphraseInterpreter().fit_transform(activations)
    vectors = normalize(embeddings.to_numpy())
    comparison(activations, topics)
    retrieval(activations, topics, vectors, embedder)
    clustering(activations, topics, vectors)


if __name__ == "__main__":
    main()
