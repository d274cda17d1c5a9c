"""A causal language model with random weights, small enough for a test."""

WORDS = "the soup was cold hot and a waiter came late early view of sea nice".split()
SPECIAL = ["[UNK]", "<s>", "</s>"]
N_LAYERS, WIDTH = 4, 16


def save_model(
    folder, *, has_bos=False, padding_side="right", template=None, is_gpt2=False
):
    """Save a model of four layers and a tokenizer that knows a handful of words.

    It is a Llama; a GPT-2 has other names for its parts, and layer norms.
    """
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = [*SPECIAL, *WORDS, "."]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if has_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", 1)]
        )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        bos_token="<s>",
        eos_token="</s>",
        padding_side=padding_side,
    )
    fast.chat_template = template
    fast.save_pretrained(folder)
    sizes = {
        "vocab_size": len(words),
        "hidden_size": WIDTH,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": 2,
        "max_position_embeddings": 128,
    }
    if is_gpt2:
        config = transformers.GPT2Config(**sizes)
    else:
        config = transformers.LlamaConfig(
            **sizes, intermediate_size=32, num_key_value_heads=1
        )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config)
        with torch.no_grad():  # as large as the states of a trained model
            for weights in model.parameters():
                weights.mul_(5 if weights.ndim > 1 else 1)
        model.save_pretrained(folder)
    return str(folder)
