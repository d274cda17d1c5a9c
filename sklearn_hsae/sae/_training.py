"""Training: skorch keeps epochs, callbacks and history; the loop inside is ours.

A batch is gathered whole from the rows, nothing is collated row by row, and nothing
is read back from the device inside an epoch.
"""

import math

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from skorch.helper import predefined_split
from torch.nn import functional
from tqdm.auto import tqdm

from sklearn_hsae.sae._network import SparseAutoencoder

# A shorter memory than usual, for trainings of some hundred steps.
_BETAS = (0.9, 0.99)
# Decoupled decay of the encoder's weights (Loshchilov & Hutter 2019). With few rows it
# is the encoder that overfits: this lowers the FVU of new rows by 1 to 2 %.
_ENCODER_DECAY = 1.0
_RESTS, _LONGEST_REST = 64, 10_000_000


def build_net(
    *,
    network,
    order,
    batch_size,
    learning_rate,
    max_epochs,
    prediction_loss,
    target_weight,
    aux_weight,
    callbacks,
    device,
    verbose,
    validation_rows=None,
    patience=None,
    constant_rate=None,
):
    """The skorch net of a `SparseAutoencoder`, to be fitted on `Rows`.

    With validation rows it ends with the weights of the epoch that has the lowest
    validation loss.
    """
    own_callbacks = [("progress", EpochProgress(disable=not verbose))]
    if validation_rows is not None:
        best_epoch = EarlyStopping(
            patience=max_epochs + 1 if patience is None else patience,
            threshold=0.0,
            load_best=True,
            sink=lambda message: None,
        )
        own_callbacks.append(("best_epoch", best_epoch))
    return AutoencoderNet(
        SparseAutoencoder,
        **{f"module__{name}": value for name, value in network.items()},
        criterion=torch.nn.Identity,  # the losses are the module's own
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        optimizer__betas=_BETAS,
        optimizer__weight_decay=0.0,
        optimizer__param_groups=[("encoder", {"weight_decay": _ENCODER_DECAY})],
        lr=learning_rate,
        max_epochs=max_epochs,
        batch_size=batch_size,
        order=order,
        constant_rate=constant_rate,
        prediction_loss=prediction_loss,
        target_weight=target_weight,
        aux_weight=aux_weight,
        train_split=validation_rows and predefined_split(validation_rows),
        callbacks=[*own_callbacks, *(callbacks or [])],
        callbacks__train_loss=None,  # skorch's own, fed by its own loop
        callbacks__valid_loss=None,
        callbacks__print_log=None,
        device=device,
        verbose=0,
    )


def one_cycle(step, n_steps):
    """Share of the peak learning rate: up over a tenth of the steps, then down to 0.

    One cycle (Smith & Topin 2017) reaches the loss of a constant rate in about a
    third of the epochs.
    """
    warm_up = max(n_steps // 10, 1)
    if step < warm_up:
        return (step + 1) / warm_up
    return (1 + math.cos(math.pi * (step - warm_up) / max(n_steps - warm_up, 1))) / 2


class Interrupted(BaseException):
    """An interrupt by the user, inside an epoch; after one, it is a callback's way to
    end the training."""


class EpochProgress(Callback):
    """A progress bar over the epochs."""

    def __init__(self, disable):
        self.disable = disable

    def on_train_begin(self, net, **kwargs):
        self.bar_ = tqdm(
            total=net.max_epochs,
            desc="Training the autoencoder",
            unit="epoch",
            disable=self.disable,
        )

    def on_epoch_end(self, net, **kwargs):
        loss = net.history[-1].get("valid_loss", net.history[-1, "train_loss"])
        self.bar_.set_postfix(loss=f"{loss:.3f}")
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        self.bar_.close()


class AutoencoderNet(NeuralNet):
    """A skorch net whose epochs run over `Rows`.

    Parameters
    ----------
    order : numpy.random.Generator
        Draws the order of the rows.
    constant_rate : float or None
        Share of the peak learning rate to keep; None for one cycle.
    prediction_loss : {"regression", "binary", "multiclass"} or None
        Which loss the head has.
    target_weight : float
        Its weight.
    aux_weight : float
        Weight of the loss that revives dead neurons: those that fired on none of the
        last training rows, as many as one epoch has.
    """

    def __init__(
        self,
        *args,
        order,
        constant_rate,
        prediction_loss,
        target_weight,
        aux_weight,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.order = order
        self.constant_rate = constant_rate
        self.prediction_loss = prediction_loss
        self.target_weight = target_weight
        self.aux_weight = aux_weight

    def get_iterator(self, dataset, training=False):
        """The rows themselves; skorch would make a DataLoader of them."""
        return dataset

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        if iterator is None:
            return
        self.module_.train(training)
        try:
            if training:
                self._train_epoch(iterator)
            else:
                self._validate(iterator)
        except KeyboardInterrupt:
            raise Interrupted from None

    def initialize_module(self):
        super().initialize_module()
        self.rows_since_fired_ = torch.zeros(
            len(self.module_.encoder), dtype=torch.int64, device=self.device
        )
        return self

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        super().on_train_begin(net, X, y, **kwargs)
        self.n_steps_ = -(-len(X) // self.batch_size) * self.max_epochs
        self.step_ = 0

    def _train_epoch(self, rows):
        # Looked up once an epoch: with no dead neurons, their loss costs nothing.
        dead = torch.nonzero(self.rows_since_fired_ > self._window(len(rows)))[:, 0]
        total = torch.zeros((), device=self.device)
        for batch, target in rows.batches(self.batch_size, self.order):
            total += self._step(batch, target, dead) * len(batch)
        mean_loss = float(total) / len(rows)
        if not math.isfinite(mean_loss):
            raise FloatingPointError(
                f"The training loss became {mean_loss} in epoch "
                f"{len(self.history)}. Lower learning_rate, or check the input for "
                "extreme values."
            )
        self.history.record("train_loss", mean_loss)
        self.history.record("dead_neurons", len(dead))

    def _window(self, n_rows):
        """For how many rows a neuron may rest before it counts as dead.

        One epoch; but if that is short, many times what a neuron rests on average;
        and if it is long, the ten million of Gao et al. 2024.
        """
        module = self.module_
        usual_rest = len(module.encoder) / module.k
        return min(max(n_rows, _RESTS * usual_rest), _LONGEST_REST)

    def _step(self, rows, target, dead):
        module = self.module_
        codes = module(rows)
        fvu, residual = module.reconstruction(rows, codes)
        loss = fvu @ module.prefix_weights + module.penalty_loss(rows, codes)
        if target is not None:
            prediction = module.prediction(codes)
            loss = loss + self.target_weight * self._prediction_loss(prediction, target)
        if self.aux_weight > 0 and len(dead) > 0:
            auxiliary = module.auxiliary_loss(rows, residual, dead)
            loss = loss + self.aux_weight * auxiliary
        self.optimizer_.zero_grad(set_to_none=True)
        loss.backward()
        module.keep_step_on_the_sphere()
        self._set_learning_rate()
        self.optimizer_.step()
        module.normalize_decoder()
        self.step_ += 1
        self.rows_since_fired_.add_(len(rows)).masked_fill_(codes.fired(), 0)
        return loss.detach()

    def _set_learning_rate(self):
        share = self.constant_rate
        if share is None:
            share = one_cycle(self.step_, self.n_steps_)
        for group in self.optimizer_.param_groups:
            group["lr"] = self.lr * share

    def _prediction_loss(self, prediction, target):
        if self.prediction_loss == "multiclass":
            return functional.cross_entropy(prediction, target)
        if self.prediction_loss == "binary":
            return functional.binary_cross_entropy_with_logits(prediction[:, 0], target)
        return functional.mse_loss(prediction[:, 0], target)

    @torch.no_grad()
    def _validate(self, rows):
        module = self.module_
        fvu = torch.zeros(len(module.prefixes), device=self.device)
        prediction_loss = torch.zeros((), device=self.device)
        for batch, target in rows.batches(4096):
            codes = module(batch)
            share = len(batch) / len(rows)
            fvu += share * module.reconstruction(batch, codes)[0]
            if target is not None:
                loss = self._prediction_loss(module.prediction(codes), target)
                prediction_loss += share * loss
        self.history.record("valid_prefix_fvu", tuple(fvu.tolist()))
        fvu = float(fvu @ module.prefix_weights)
        self.history.record("valid_fvu", fvu)
        loss = fvu
        if rows.target is not None:
            self.history.record("valid_prediction_loss", float(prediction_loss))
            loss += self.target_weight * float(prediction_loss)
        self.history.record("valid_loss", loss)
