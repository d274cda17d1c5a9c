"""Training: skorch keeps epochs, callbacks and history; the loop inside is ours.

Rows stay in one tensor and a batch is a piece of a permutation: nothing is collated
row by row, and nothing is read back from the device inside an epoch.
"""

import math

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch.nn import functional
from tqdm.auto import tqdm

from sklearn_hsae.sae._network import SparseAutoencoder


def train_autoencoder(
    rows,
    target,
    validation_rows,
    *,
    network,
    batch_seed,
    batch_size,
    learning_rate,
    max_epochs,
    patience,
    prediction_loss,
    target_weight,
    revival_weight,
    callbacks,
    device,
    verbose,
):
    """Train a `SparseAutoencoder` on standardised rows; return the skorch net.

    Its weights are those of the epoch with the lowest validation loss.
    """
    best_epoch = EarlyStopping(
        patience=max_epochs + 1 if patience is None else patience,
        threshold=0.0,
        load_best=True,
        sink=lambda message: None,
    )
    net = AutoencoderNet(
        SparseAutoencoder,
        **{f"module__{name}": value for name, value in network.items()},
        criterion=torch.nn.Identity,  # the losses are the module's own
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=learning_rate,
        max_epochs=max_epochs,
        batch_size=batch_size,
        batch_generator=torch.Generator().manual_seed(batch_seed),
        prediction_loss=prediction_loss,
        target_weight=target_weight,
        revival_weight=revival_weight,
        dead_after=len(rows),
        train_split=predefined_split(Dataset(validation_rows)),
        callbacks=[
            ("progress", EpochProgress(disable=not verbose)),
            ("best_epoch", best_epoch),
            *(callbacks or []),
        ],
        callbacks__train_loss=None,  # skorch's own, fed by its own loop
        callbacks__valid_loss=None,
        callbacks__print_log=None,
        device=device,
        verbose=0,
    )
    return net.fit(rows, target)


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
            desc="Training the autoencoder",
            unit="epoch",
            disable=self.disable,
        )

    def on_epoch_end(self, net, **kwargs):
        self.bar_.set_postfix(FVU=f"{net.history[-1, 'valid_loss']:.3f}")
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        self.bar_.close()


class AutoencoderNet(NeuralNet):
    """A skorch net whose epochs run over resident rows.

    Parameters
    ----------
    batch_generator : torch.Generator
        Draws the order of the rows.
    prediction_loss : {"regression", "binary", "multiclass"} or None
        Which loss the head has.
    target_weight : float
        Its weight.
    revival_weight : float
        Weight of the loss that revives dead neurons.
    dead_after : int
        Training rows after which a neuron that fired on none of them is dead.
    """

    def __init__(
        self,
        *args,
        batch_generator,
        prediction_loss,
        target_weight,
        revival_weight,
        dead_after,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.batch_generator = batch_generator
        self.prediction_loss = prediction_loss
        self.target_weight = target_weight
        self.revival_weight = revival_weight
        self.dead_after = dead_after

    def get_iterator(self, dataset, training=False):
        """The rows themselves; skorch would make a DataLoader of them."""
        return dataset

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        if iterator is None:
            return
        rows = torch.as_tensor(iterator.X, device=self.device)
        if training:
            self._start_of_training(len(rows))
            target = iterator.y
            if target is not None:
                target = torch.as_tensor(target, device=self.device)
            self._train_epoch(rows, target)
        else:
            self.history.record("valid_loss", self._validate(rows))

    def _start_of_training(self, n_rows):
        if getattr(self, "rows_since_fired_", None) is not None:
            return
        n_neurons = self.module_.encoder.shape[0]
        self.rows_since_fired_ = torch.zeros(
            n_neurons, dtype=torch.int64, device=self.device
        )
        n_steps = -(-n_rows // self.batch_size) * self.max_epochs
        self.schedule_ = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer_, lambda step: one_cycle(step, n_steps)
        )

    def _train_epoch(self, rows, target):
        self.module_.train()
        dead = self._dead_neurons()
        order = torch.randperm(len(rows), generator=self.batch_generator)
        total = torch.zeros((), device=self.device)
        for batch in order.to(self.device).split(self.batch_size):
            batch_target = None if target is None else target[batch]
            loss = self._step(rows[batch], batch_target, dead)
            total += loss * len(batch)
        mean_loss = float(total) / len(rows)
        if not mean_loss < float("inf"):
            raise FloatingPointError(
                f"The training loss became {mean_loss} in epoch "
                f"{len(self.history)}. Lower learning_rate, or check the input for "
                "extreme values."
            )
        self.history.record("train_loss", mean_loss)
        self.history.record("dead_neurons", 0 if dead is None else len(dead))

    def _step(self, rows, target, dead):
        module = self.module_
        activations = module(rows)
        loss, residual = module.reconstruction_loss(rows, activations)
        if target is not None:
            loss = loss + self.target_weight * self._prediction_loss(
                module.prediction(activations), target
            )
        if dead is not None:
            n_revived = min(2 * module.k, len(dead))
            loss = loss + self.revival_weight * module.revival_loss(
                rows, residual, dead, n_revived
            )
        self.optimizer_.zero_grad(set_to_none=True)
        loss.backward()
        module.keep_step_on_the_sphere()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        self.optimizer_.step()
        self.schedule_.step()
        module.normalize_decoder()
        fired = (activations.detach() > 0).any(dim=0)
        self.rows_since_fired_.add_(len(rows)).masked_fill_(fired, 0)
        return loss.detach()

    def _prediction_loss(self, prediction, target):
        if self.prediction_loss == "multiclass":
            return functional.cross_entropy(prediction, target)
        if self.prediction_loss == "binary":
            return functional.binary_cross_entropy_with_logits(prediction[:, 0], target)
        return functional.mse_loss(prediction[:, 0], target)

    def _dead_neurons(self):
        """Looked up once an epoch: with none dead, the revival costs nothing."""
        dead = torch.nonzero(self.rows_since_fired_ > self.dead_after)[:, 0]
        return dead if len(dead) and self.revival_weight > 0 else None

    @torch.no_grad()
    def _validate(self, rows):
        self.module_.eval()
        total = 0.0
        for batch in rows.split(max(self.batch_size, 4096)):
            loss, _ = self.module_.reconstruction_loss(batch, self.module_(batch))
            total += float(loss) * len(batch)
        return total / len(rows)
