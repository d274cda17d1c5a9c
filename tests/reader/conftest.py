"""A tiny language model, texts for it, and what its states are compared with."""

import numpy as np
import pytest
from reader_models import WORDS, save_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def plain_states():
    """Hidden states of one text by a full forward pass, the first token left out."""
    import torch
    import transformers

    def compute(folder, text, layer, *, head=(), n_left_out=1):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
        ids = [*head, *tokenizer(text, add_special_tokens=False)["input_ids"]]
        with torch.no_grad():
            output = model(torch.tensor([ids]), output_hidden_states=True)
        return output.hidden_states[layer + 1][0, n_left_out:].double().numpy()

    return compute


@pytest.fixture(scope="session")
def texts():
    """60 texts of 3 to 12 words, some of them about soup."""
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size=rng.integers(3, 13))) for _ in range(60)]
