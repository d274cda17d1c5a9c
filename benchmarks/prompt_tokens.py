"""How many prompt tokens a judgement and a question for a label have.

    python benchmarks/prompt_tokens.py [--texts 600]

Neurons that fire where a generated review has a planted concept are named, and the
labels are judged. All calls go to the rule-based server of the tests; nothing leaves
the machine. Tokens are counted by litellm's tokenizer, without the JSON schema, which
providers count in different ways. The fidelity says that prompts are still understood;
the server's rules know words, so that it is low for concepts of many wordings.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

from llm_server import LLMServer  # noqa: E402

from sklearn_hsae import LanguageModel, LLMInterpreter, with_texts  # noqa: E402
from sklearn_hsae.datasets import make_reviews  # noqa: E402
from sklearn_hsae.llm import import_litellm  # noqa: E402

MODEL = "gpt-4o-mini"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=600)
    reviews = make_reviews(parser.parse_args().texts, random_state=0)
    strength = np.random.default_rng(0).uniform(0.5, 1.5, reviews.truth.shape)
    X = with_texts(reviews.truth * strength, reviews.texts)
    with LLMServer() as server:
        llm = LanguageModel(f"openai/{MODEL}", api_base=server.url, cache_dir=None)
        interpreter = LLMInterpreter(llm, random_state=0).fit(X)
    prompts = [call["body"]["messages"][0]["content"] for call in server.calls]
    judging = [prompt for prompt in prompts if "<properties>" in prompt]
    naming = [prompt for prompt in prompts if "<properties>" not in prompt]
    n_judgements = sum(
        n_entries(p, "texts") * n_entries(p, "properties") for p in judging
    )
    n_tokens = count_tokens(judging)
    fidelity = interpreter.fidelity_["correlation"]
    show(f"judging: {len(judging)} calls, {n_judgements} judgements, {n_tokens} tokens")
    show(f"tokens per judgement: {n_tokens / n_judgements:.2f}")
    per_label = count_tokens(naming) / len(naming)
    show(f"naming: {len(naming)} calls, {per_label:.0f} tokens each")
    show(f"labels: {len(interpreter.concepts_)}, mean fidelity {fidelity.mean():.3f}")


def n_entries(prompt, tag):
    """Number of entries in a JSON block of a prompt, which has one per line."""
    block = re.search(rf"<{tag}>\n(.*?)\n</{tag}>", prompt, re.DOTALL)[1]
    return len(re.findall(r'^"[tp]\d+": ', block, re.MULTILINE))


def count_tokens(prompts):
    counter = import_litellm().token_counter
    return sum(counter(model=MODEL, text=prompt) for prompt in prompts)


def show(line):
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
