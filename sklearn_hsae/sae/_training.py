"""Training: skorch keeps epochs, callbacks and history; the loop inside is ours.

A batch is gathered whole from the rows, nothing is collated row by row, and nothing
is read back from the device inside an epoch.
"""

import math
from contextlib import nullcontext

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from skorch.helper import predefined_split
from tqdm.auto import tqdm

from sklearn_hsae.sae._best_epochs import BestEpochs
from sklearn_hsae.sae._checkpoint import Checkpoint
from sklearn_hsae.sae._cuda_graph import StepGraph
from sklearn_hsae.sae._interrupts import Interrupted
from sklearn_hsae.sae._loss import TrainingLoss, prediction_loss
from sklearn_hsae.sae._network import SparseAutoencoder
from sklearn_hsae.sae._optimizer import AdamW
from sklearn_hsae.sae._resampling import resample

# A shorter memory than usual, for trainings of some hundred steps.
_BETAS = (0.9, 0.99)
# Decoupled decay of the encoder's weights (Loshchilov & Hutter 2019). With few rows it
# is the encoder that overfits: this lowers the FVU of new rows by 1 to 2 %.
_ENCODER_DECAY = 1.0
_RESTS, _LONGEST_REST = 64, 10_000_000
_ROWS_TO_RESAMPLE = 8192


def build_net(
    *,
    network,
    order,
    batch_size,
    learning_rate,
    max_epochs,
    prediction,
    target_weights,
    aux_weight,
    resample_dead,
    processes,
    callbacks,
    device,
    verbose,
    validation_rows=None,
    patience=None,
    constant_rate=None,
    checkpoint=None,
):
    """The skorch net of a `SparseAutoencoder`, to be fitted on `Rows`.

    With validation rows it ends with the weights of the epoch that has the lowest
    validation loss, and it can keep its state in the file `checkpoint`.
    """
    is_first = processes.index == 0
    own_callbacks = []
    if validation_rows is not None:
        patience = max_epochs + 1 if patience is None else patience
        if len(network["seeds"]) > 1:
            best_epoch = BestEpochs(patience)
        else:
            best_epoch = EarlyStopping(
                patience=patience,
                threshold=0.0,
                load_best=True,
                sink=lambda message: None,
            )
        own_callbacks.append(("best_epoch", best_epoch))
        if checkpoint is not None:
            kept = Checkpoint(checkpoint, best_epoch, writes=is_first)
            own_callbacks.append(("checkpoint", kept))
    progress = EpochProgress(disable=not (verbose and is_first))
    own_callbacks.append(("progress", progress))
    return AutoencoderNet(
        SparseAutoencoder,
        **{f"module__{name}": value for name, value in network.items()},
        criterion=TrainingLoss,
        optimizer=AdamW,
        optimizer__betas=_BETAS,
        optimizer__param_groups=[
            ("encoder", {"weight_decay": _ENCODER_DECAY}),
            ("decoder", {"unit_rows": True}),
        ],
        lr=learning_rate,
        max_epochs=max_epochs,
        batch_size=batch_size,
        order=order,
        constant_rate=constant_rate,
        prediction=prediction,
        target_weights=target_weights,
        aux_weight=aux_weight,
        resample_dead=resample_dead,
        processes=processes,
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


class EpochProgress(Callback):
    """A progress bar over the epochs."""

    def __init__(self, disable):
        self.disable = disable

    def on_train_begin(self, net, **kwargs):
        self.bar_ = tqdm(
            total=net.max_epochs,
            initial=len(net.history),
            desc="Training the autoencoder",
            unit="epoch",
            disable=self.disable,
        )

    def on_epoch_end(self, net, **kwargs):
        loss = net.history[-1].get("valid_loss", net.history[-1, "train_loss"])
        self.bar_.set_postfix(loss=f"{np.mean(loss):.3f}")
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        self.bar_.close()


class AutoencoderNet(NeuralNet):
    """A skorch net whose epochs run over `Rows`.

    Parameters
    ----------
    order : numpy.random.Generator, or a list of one for each model
        Draws the order of the rows.
    constant_rate : float or None
        Share of the peak learning rate to keep; None for one cycle.
    prediction, target_weights, aux_weight
        As of :class:`TrainingLoss`.
    resample_dead : bool
        Whether dead neurons start anew after an epoch. Dead are those that fired on
        none of the last training rows, as many as one epoch has.
    processes : Processes
    """

    def __init__(
        self,
        *args,
        order,
        constant_rate,
        prediction,
        target_weights,
        aux_weight,
        resample_dead,
        processes,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.order = order
        self.constant_rate = constant_rate
        self.prediction = prediction
        self.target_weights = target_weights
        self.aux_weight = aux_weight
        self.resample_dead = resample_dead
        self.processes = processes

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

    def initialize_criterion(self):
        loss = TrainingLoss(
            self.module_, self.prediction, self.target_weights, self.aux_weight
        )
        self.criterion_ = self.processes.wrap(loss)
        return self

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        super().on_train_begin(net, X, y, **kwargs)
        n_batches = -(-len(X) // self.batch_size)
        if len(X) // n_batches < self.processes.number:
            raise ValueError(
                f"Batches of {len(X) // n_batches} rows cannot be shared by "
                f"{self.processes.number} processes. Raise batch_size or start fewer."
            )
        self.n_steps_ = n_batches * self.max_epochs
        self.step_ = 0
        device = torch.device(self.device)
        is_alone = device.type == "cuda" and self.processes.number == 1
        has_graph = is_alone and self.module_.is_dense(device)
        self.graph_ = StepGraph(self._update, self.device) if has_graph else None

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """The epochs that are left, after those that a checkpoint brought."""
        epochs = self.max_epochs - len(self.history)
        return super().fit_loop(X, y, epochs=epochs, **fit_params)

    def _train_epoch(self, rows):
        # Looked up once an epoch: with no dead neurons, their loss costs nothing.
        resting = self.processes.minimum(self.rows_since_fired_)
        dead = torch.nonzero(resting > self._window(len(rows)))[:, 0]
        models = torch.div(dead, self.module_.n_neurons, rounding_mode="floor")
        n_dead = torch.bincount(models, minlength=self.module_.n_models)
        self.history.record("dead_neurons", _plain(n_dead))
        if self.resample_dead and len(dead) > 0:
            sample, _ = next(rows.batches(_ROWS_TO_RESAMPLE, self.order))
            resample(self.module_, self.optimizer_, sample, dead, self.order)
            resting[dead] = 0
            dead = dead[:0]
        total = torch.zeros(self.module_.n_models, device=self.device)
        for batch, target in rows.batches(self.batch_size, self.order):
            total += self._step(batch, target, dead) * self._rows_a_model(batch)
        mean_loss = self.processes.sum(total) / len(rows)
        if not mean_loss.isfinite().all():
            raise FloatingPointError(
                f"The training loss became {_plain(mean_loss)} in epoch "
                f"{len(self.history)}. Lower learning_rate, or check the input for "
                "extreme values."
            )
        self.history.record("train_loss", _plain(mean_loss))

    def _rows_a_model(self, batch):
        return len(batch) // self.module_.n_models

    def _window(self, n_rows):
        """For how many rows a neuron may rest before it counts as dead.

        One epoch; but if that is short, many times what a neuron rests on average;
        and if it is long, the ten million of Gao et al. 2024.
        """
        module = self.module_
        usual_rest = module.n_neurons / module.k
        return min(max(n_rows, _RESTS * usual_rest), _LONGEST_REST)

    def _step(self, batch, target, dead):
        """One step of the optimiser; this process's part of each model's mean loss."""
        self._set_learning_rate()
        self.step_ += 1
        if self.graph_ is not None and len(dead) == 0:
            return self.graph_(batch, target)
        return self._update(batch, target, dead)

    def _update(self, batch, target, dead=()):
        share = self.processes.share
        rows, target = share(batch), None if target is None else share(target)
        with self._precision():
            loss, fired = self.criterion_(rows, target, dead)
        part = len(rows) / len(batch)
        self.optimizer_.zero_grad()
        # The gradients will be averaged over the processes, and needed is their sum.
        loss.backward(torch.full_like(loss, part * self.processes.number))
        self.optimizer_.step()
        rested = self.rows_since_fired_.add_(self._rows_a_model(batch))
        rested.masked_fill_(fired, 0)
        return part * loss.detach()

    def _precision(self):
        """A context for whole matrices; the sparse products choose by themselves."""
        device, dtype = torch.device(self.device), self.module_.precision
        if dtype == torch.float32 or not self.module_.is_dense(device):
            return nullcontext()
        return torch.autocast(device.type, dtype, cache_enabled=False)

    def _set_learning_rate(self):
        share = self.constant_rate
        if share is None:
            share = one_cycle(self.step_, self.n_steps_)
        self.optimizer_.set_learning_rate(self.lr * share)

    @torch.no_grad()
    def _validate(self, rows):
        module = self.module_
        shape = module.n_models, len(module.prefixes)
        fvu = torch.zeros(shape, device=self.device)
        head_loss = torch.zeros(module.n_models, device=self.device)
        for batch, target in rows.batches(4096):
            codes = module(batch)
            share = self._rows_a_model(batch) / len(rows)
            fvu += share * module.reconstruction(batch, codes)[1]
            if target is not None:
                prediction = module.prediction(codes)
                head_loss += share * prediction_loss(
                    self.prediction, prediction, target
                )
        self.history.record("valid_prefix_fvu", _plain(fvu))
        loss = fvu @ module.prefix_weights
        self.history.record("valid_fvu", _plain(loss))
        if rows.target is not None:
            self.history.record("valid_prediction_loss", _plain(head_loss))
            weights = torch.tensor(self.target_weights, device=self.device)
            loss = loss + weights * head_loss
        self.history.record("valid_loss", _plain(loss))


def _plain(values):
    """What the history keeps of one value a model: numbers, or lists of them."""
    values = values.tolist()
    return values[0] if len(values) == 1 else values
