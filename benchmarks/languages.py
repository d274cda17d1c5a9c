"""The main job in six languages, on generated reviews of equal content.

    python benchmarks/languages.py [--rows 4000]

Each review says three things, each of one aspect and one tone. In the outcome "tone"
every word of tone counts alike; in "aspects" it counts for three of twelve aspects
alone, so that two words of a sentence decide together. A quarter of the rows is held
out. Printed are the held-out R² of the hypotheses, that of a ridge regression on the
embeddings, a ceiling, and the first labels.
"""

import argparse
import unicodedata
import warnings
from typing import NamedTuple

import numpy as np

from sklearn_hsae import evaluate_hypotheses, make_hypothesis_pipeline


class Language(NamedTuple):
    sentence: str
    between: str
    aspects: str
    bad: str
    good: str


LANGUAGES = {
    "English": Language(
        "the {aspect} was {tone}",
        ". ",
        "food waiter table music dessert room price bread garden parking coffee menu",
        "bad slow dirty",
        "tasty friendly clean",
    ),
    "German": Language(
        "{aspect} war leider {tone}",
        ". ",
        "Suppe Kellner Tisch Musik Torte Zimmer Preis Brot Garten Parkplatz Tee Karte",
        "schlecht langsam schmutzig",
        "lecker freundlich sauber",
    ),
    "French (NFD)": Language(
        "{aspect} était {tone}",
        ". ",
        "crème gâteau thé entrée pâté purée rôti fenêtre café théâtre décor musée",
        "périmé énervé fané",
        "préféré doré léger",
    ),
    "Arabic": Language(
        "كان {aspect} {tone}",
        "، ",
        "الطعام النادل الطاولة الموسيقى الحلوى الغرفة السعر الخبز الحديقة الموقف "
        "القهوة القائمة",
        "سيئا بطيئا متسخا",
        "لذيذا لطيفا نظيفا",
    ),
    "Hindi": Language(
        "{aspect} बहुत {tone} था",
        "। ",
        "खाना वेटर मेज़ संगीत मिठाई कमरा दाम रोटी बगीचा पार्किंग कॉफ़ी मेन्यू",
        "ख़राब धीमा गंदा",
        "स्वादिष्ट मिलनसार साफ़",
    ),
    "Chinese": Language(
        "{aspect}很{tone}",
        "。",
        "汤 服务员 桌子 音乐 甜点 房间 价格 面包 花园 停车场 咖啡 菜单",
        "糟糕 缓慢 肮脏",
        "美味 热情 干净",
    ),
}
N_DECIDING_ASPECTS = 3


def reviews(language, n_rows, outcome):
    """The same draws in each language."""
    rng = np.random.default_rng(0)
    aspects, tones = language.aspects.split(), (language.bad, language.good)
    texts, y = [], np.zeros(n_rows)
    for row in range(n_rows):
        said = []
        for aspect in rng.choice(len(aspects), 3, replace=False):
            is_good, which = rng.integers(2), rng.integers(3)
            tone = tones[is_good].split()[which]
            said.append(language.sentence.format(aspect=aspects[aspect], tone=tone))
            counts = outcome == "tone" or aspect < N_DECIDING_ASPECTS
            y[row] += (2 * is_good - 1) * counts
        texts.append(language.between.join(said) + language.between.strip())
        y[row] += rng.normal(scale=0.3)
    return texts, y


def benchmark(name, n_rows, outcome, embedder):
    texts, y = reviews(LANGUAGES[name], n_rows, outcome)
    if "NFD" in name:
        texts = [unicodedata.normalize("NFD", text) for text in texts]
    cut = n_rows * 3 // 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = make_hypothesis_pipeline(embedder=embedder, random_state=0)
        pipe.fit(texts[:cut], y[:cut])
        evaluation = evaluate_hypotheses(
            pipe, texts[cut:], y[cut:], X_train=texts[:cut], y_train=y[:cut]
        )
    ceiling = evaluation.ceilings["r2"].iloc[0]
    labels = "; ".join(pipe["interpret"].concepts_[:4])
    return evaluation.metrics["r2"], ceiling, labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--languages", nargs="+", default=list(LANGUAGES))
    arguments = parser.parse_args()
    print("outcome  embedder  language  R2  share of English  ridge  first labels")
    for outcome in ("tone", "aspects"):
        for embedder in (None, "lsa"):
            english = None
            for name in arguments.languages:
                r2, ceiling, labels = benchmark(name, arguments.rows, outcome, embedder)
                english = english or r2
                print(
                    f"{outcome}  {embedder or 'auto'}  {name}  {r2:.3f}  "
                    f"{r2 / english:.0%}  {ceiling:.3f}  {labels}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
