"""What a language model will cost, before the first call to it."""

import numpy as np
import pandas as pd
from sklearn.base import clone


def describe_cost(pipeline, activations, new_texts, n_repeats):
    """One line about the calls that naming, judging and repeats will make.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted up to the step that names neurons.
    activations : DataFrame
        The input of this step.
    new_texts : sequence of str, or of pairs of str
        The held-out texts.
    n_repeats : int

    Returns
    -------
    str
    """
    annotate = pipeline["annotate"]
    name = pipeline["interpret"].estimate_cost(activations)
    judge = annotate.estimate_cost(activations)
    first, again = [name, judge], [name, judge]
    if annotate.judge != "distilled":  # its probes judge the held-out texts for free
        texts = np.ravel(new_texts)  # both texts of a pair
        names = pd.DataFrame(0.0, index=range(len(texts)), columns=activations.columns)
        judge_all = clone(annotate).set_params(fit_sample=None)
        judge_new = judge_all.estimate_cost(names, texts=texts)
        first, again = [name, judge, judge_new], [name, judge_new]
    parts = first + again * n_repeats
    calls, tokens = (
        sum(part[key] for part in parts) for key in ("calls", "prompt_tokens")
    )
    dollars = [part["dollars"] for part in parts]
    price = "at a price litellm does not know"
    if None not in dollars:
        price = f"for at most {_price(sum(dollars))} if the model does not reason"
    limit = annotate.llm.max_cost
    price += "" if limit is None else f" (--max-cost {_price(limit)})"
    return f"estimate: {calls:,} calls with {tokens:,} tokens {price}"


def _price(dollars):
    return f"${dollars:.2f}" if dollars >= 0.1 or not dollars else f"${dollars:.2g}"
