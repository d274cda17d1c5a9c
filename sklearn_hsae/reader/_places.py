"""Where in a layer of a language model an autoencoder reads."""

import re
from typing import NamedTuple

_BEFORE_MLP = ("pre_feedforward_layernorm", "post_attention_layernorm")
_AFTER_MLP = ("post_feedforward_layernorm", "mlp")
_MODULE = re.compile(
    r"(?:\w+\.)*(?:layers|h)\.(\d+)(?:\.(?!(?:in|out)put$)([\w.]+?))?(\.input|\.output)?"
)
_HOOK = re.compile(r"blocks\.(\d+)\.([\w.]+)")


class Place(NamedTuple):
    """A place of a layer. Without arguments it is the output of the layer.

    Attributes
    ----------
    modules : tuple of str
        Modules inside the layer; the first one that the layer has is read.
    is_input : bool
        Whether the input of the module is read, not its output.
    is_normalised : bool
        Whether the states are divided by their root mean square. So does the module,
        an RMSNorm, before it multiplies by its weights.
    """

    modules: tuple = ()
    is_input: bool = False
    is_normalised: bool = False

    def find(self, layer):
        """The module of a layer.

        Raises
        ------
        ValueError
            When the layer has none of the modules.
        """
        if not self.modules:
            return layer
        named = dict(layer.named_modules())
        for name in self.modules:
            if name in named:
                return named[name]
        parts = ", ".join(name for name, _ in layer.named_children())
        raise ValueError(
            f"The autoencoder reads the module {' or '.join(self.modules)} of a layer, "
            f"and the layers of this model have {parts}. Pass the model that it was "
            "trained on."
        )


MLP_INPUT = Place(("mlp",), is_input=True)
MLP_OUTPUT = Place(_AFTER_MLP)
ATTENTION_VALUES = Place(("self_attn.o_proj",), is_input=True)
NORMALISED_BEFORE_MLP = Place(_BEFORE_MLP, is_input=True, is_normalised=True)

_PLACES_OF_HOOKS = {
    "hook_resid_post": Place(),
    "hook_resid_mid": Place((*_BEFORE_MLP, "ln_2"), is_input=True),
    "ln2.hook_normalized": NORMALISED_BEFORE_MLP,
    "mlp.hook_in": MLP_INPUT,
    "hook_mlp_out": MLP_OUTPUT,
    "attn.hook_z": ATTENTION_VALUES,
}
HOOKS = ("hook_resid_pre from block 1 on", *_PLACES_OF_HOOKS)


def place_of_hook(name):
    """Layer and `Place` of a hook of TransformerLens; None when it cannot be read."""
    match = _HOOK.fullmatch(name)
    if match is None:
        return None
    layer, hook = int(match[1]), match[2]
    if hook == "hook_resid_pre" and layer > 0:
        return layer - 1, Place()
    place = _PLACES_OF_HOOKS.get(hook)
    return None if place is None else (layer, place)


def place_of_module(name):
    """Layer and `Place` of a module of transformers; None when it is in no layer.

    Parameters
    ----------
    name : str
        Such as "model.layers.3.mlp.input"; without an end, the output is meant.
    """
    match = _MODULE.fullmatch(name)
    if match is None:
        return None
    modules = () if match[2] is None else (match[2],)
    return int(match[1]), Place(modules, is_input=match[3] == ".input")
