"""
Reading token by token
======================

Neurons that fire at a word, not at a text: a causal language model reads the texts,
and an autoencoder of its hidden states finds what the words have in common.
"""

# %%
# Nothing is downloaded here. The language model of this page is made on the spot, with
# random weights, so it understands nothing. But its hidden states still tell which word
# is read and which words came before it, and that is enough to see how the parts work
# together. For your own texts name a trained one, such as
# ``"HuggingFaceTB/SmolLM2-135M"``: :doc:`/user_guide/reader`.

import re
import tempfile
from collections import Counter

import matplotlib.pyplot as plt
import torch
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from sklearn_hsae import (
    ConceptAnnotator,
    HypothesisRegressor,
    KeyphraseInterpreter,
    MatryoshkaSAETransformer,
    NeuronSelector,
    ReaderSAETransformer,
    evaluate_hypotheses,
    make_reviews,
)

reviews = make_reviews(1200, noise=0.3, random_state=1)
train, new, y_train, y_new = train_test_split(
    reviews.texts, reviews.target, test_size=0.4, random_state=0
)

counts = Counter(re.findall(r"\w+|[^\w\s]+", " ".join(train)))
words = ["[UNK]", *(word for word, n in counts.items() if n >= 3)]
tokenizer = Tokenizer(
    models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
)
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
folder = tempfile.mkdtemp()
disable_progress_bar()
PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]").save_pretrained(
    folder
)
torch.manual_seed(0)
sizes = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
AutoModelForCausalLM.from_config(
    LlamaConfig(vocab_size=len(words), num_hidden_layers=3, **sizes)
).save_pretrained(folder)

# %%
# The reader stands in the place of the embedding and its autoencoder. ``target_weight``
# draws the neurons towards what predicts the stars.

read = ReaderSAETransformer(
    folder,
    MatryoshkaSAETransformer(256, 4, target_weight=0.3, random_state=0),
    layer=2,
)
pipe = Pipeline(
    [
        ("read", read),
        ("select", NeuronSelector(10)),
        ("interpret", KeyphraseInterpreter(random_state=0)),
        ("annotate", ConceptAnnotator()),
        ("regress", HypothesisRegressor()),
    ]
).set_output(transform="pandas")
pipe.fit(train, y_train)
evaluation = evaluate_hypotheses(pipe, new, y_new, X_train=train, y_train=y_train)
print(f"R2 on new texts: {evaluation.metrics['r2']:.2f}")
evaluation.table[["hypothesis", "coefficient", "p_corrected", "prevalence"]].round(3)

# %%
# A random model predicts little. Where does a neuron fire? ``mark`` puts ``<<`` and
# ``>>`` around the tokens, in the text as it was written.

best = evaluation.table.sort_values("p")["hypothesis"].iloc[0]
fidelity = evaluation.fidelity.set_index("concept")
neuron = fidelity.loc[best, "neuron"]
activations = pipe["read"].transform(new)[neuron].to_numpy()
top = [new[row] for row in activations.argsort()[::-1][:3]]
for text in pipe["read"].mark(top, neuron):
    print(text, "\n")

# %%
# How many texts the neuron fires in, and how strongly. A text has the largest
# activation of its tokens.

figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.hist(activations[activations > 0], bins=30)
_ = ax.set(xlabel=f"activation of {neuron}", ylabel="texts in which it fires")

# %%
# The marks show what the neuron is about, and what it is not: it also fires at coffee
# mugs that are sold at the till. A trained model knows more than single words. In it,
# "waited" and "took ages" may switch on the same neuron.
