"""The skorch net: skorch runs the epochs, :class:`AutoencoderNet` the steps.

The training step is :meth:`AutoencoderNet._step`. Each batch is gathered as a whole,
not row by row, and no value is copied back from the device during an epoch.
"""

from contextlib import nullcontext

import torch
from skorch import NeuralNet
from skorch.helper import predefined_split

from sklearn_hsae._device import has_fast_bfloat16
from sklearn_hsae.sae._kernels import AdamW, StepGraph
from sklearn_hsae.sae._model import SparseAutoencoder, TrainingLoss, prediction_loss
from sklearn_hsae.sae._settings import one_cycle
from sklearn_hsae.sae._training._best_epochs import BestEpochs
from sklearn_hsae.sae._training._checkpoint import Checkpoint
from sklearn_hsae.sae._training._interrupts import Interrupted
from sklearn_hsae.sae._training._processes import join_processes
from sklearn_hsae.sae._training._progress import EpochProgress, EpochReport

# Smaller than usual, for trainings of some hundred steps.
_BETAS = (0.9, 0.99)
# Decoupled decay of the encoder's weights (Loshchilov & Hutter 2019). With few rows the
# encoder overfits: this lowers the FVU of new rows by 1 to 2 %.
_ENCODER_DECAY = 1.0
_ROWS_PER_VALIDATION_BATCH = 4096
# See AutoencoderNet._dead_neurons.
_PERIODS_UNTIL_DEAD, _MOST_ROWS_UNTIL_DEAD = 64, 10_000_000
# With fewer neurons, products in bfloat16 save nothing.
_NEURONS_FOR_BFLOAT16 = 1024


def build_net(
    settings,
    n_features,
    seeds,
    rngs,
    validation=None,
    checkpoint=None,
    rate=None,
    on_epoch_end=None,
    output=None,
):
    """Build the skorch net of one training, which is fitted on :class:`RowsPerModel`.

    Parameters
    ----------
    settings : TrainingSettings
    n_features : int
    seeds : sequence of int
        Seeds of the initial weights, one per model.
    rngs : sequence of numpy.random.Generator
        Generators that shuffle the rows, one per model.
    validation : RowsPerModel or None
        With validation rows, each model ends with the weights of its best epoch.
    checkpoint : pathlib.Path or None
    rate : float or None
        Constant rate as a fraction of the peak rate; None for the one-cycle schedule.
    on_epoch_end : callable or None
        Called after each epoch with its figures, for the training of one model.
    output : tuple or None
        See :class:`SparseAutoencoder`.
    """
    processes = join_processes(settings.device)
    is_first = processes.index == 0
    callbacks = []
    if on_epoch_end is not None:  # before early stopping, which ends the last epoch
        callbacks.append(("on_epoch_end", EpochReport(on_epoch_end)))
    if validation is not None:
        best_epochs = BestEpochs(settings.patience)
        callbacks.append(("best_epochs", best_epochs))
        if checkpoint is not None:
            writer = Checkpoint(checkpoint, best_epochs, writes=is_first)
            callbacks.append(("checkpoint", writer))
    progress = EpochProgress(disable=not (settings.verbose and is_first))
    callbacks.append(("progress", progress))
    return AutoencoderNet(
        SparseAutoencoder,
        module__n_features=n_features,
        module__prefixes=settings.prefixes,
        module__k=settings.k,
        module__activation=settings.activation,
        module__n_outputs=settings.n_outputs,
        module__precision=_precision(settings),
        module__seeds=tuple(seeds),
        module__multi_k=settings.multi_k,
        module__output=output,
        criterion=TrainingLoss,
        criterion__target_kind=settings.target_kind,
        criterion__target_weights=settings.target_weights,
        optimizer=AdamW,
        optimizer__betas=_BETAS,
        optimizer__param_groups=[
            ("encoder", {"weight_decay": _ENCODER_DECAY}),
            ("decoder", {"unit_rows": True}),
        ],
        lr=settings.learning_rate,
        max_epochs=settings.max_epochs,
        batch_size=settings.batch_size,
        rngs=rngs,
        rate=rate,
        processes=processes,
        train_split=validation and predefined_split(validation),
        callbacks=callbacks,
        callbacks__train_loss=None,  # skorch's own callbacks need skorch's own steps
        callbacks__valid_loss=None,
        callbacks__print_log=None,
        device=settings.device,
        verbose=0,
    )


def _precision(settings):
    """Precision of the scores that select the active neurons in training.

    The values of the active neurons are always computed in float32.
    """
    is_large = settings.n_neurons >= _NEURONS_FOR_BFLOAT16
    if is_large and has_fast_bfloat16(settings.device):
        return torch.bfloat16
    return torch.float32


class AutoencoderNet(NeuralNet):
    """A skorch net whose epochs run over :class:`RowsPerModel`.

    Parameters
    ----------
    rngs, rate
        As in :func:`build_net`.
    processes : Processes

    Attributes
    ----------
    rows_since_fired_ : int64 tensor of shape (n_models, n_neurons)
        Number of training rows since each neuron was last active.
    step_ : int
        Number of steps so far.
    history : skorch.History
        Per epoch `train_loss`, `dead_neurons`, `valid_loss`, `valid_fvu`,
        `valid_prefix_fvu` and, with a head, `valid_prediction_loss`: lists with one
        item per model.
    """

    def __init__(self, *args, rngs, rate, processes, **kwargs):
        super().__init__(*args, **kwargs)
        self.rngs = rngs
        self.rate = rate
        self.processes = processes

    def get_iterator(self, dataset, training=False):
        """Return the rows; by default, skorch would create a DataLoader."""
        return dataset

    def initialize_module(self):
        super().initialize_module()
        shape = self.module_.n_models, self.module_.n_neurons
        self.rows_since_fired_ = torch.zeros(
            shape, dtype=torch.int64, device=self.device
        )
        return self

    def initialize_criterion(self):
        options = self.get_params_for("criterion")
        self.criterion_ = self.processes.wrap(TrainingLoss(self.module_, **options))
        return self

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        super().on_train_begin(net, X, y, **kwargs)
        n_batches = -(-len(X) // self.batch_size)
        n_rows = len(X) // n_batches
        n_processes = self.processes.n_processes
        if n_rows < n_processes:
            raise ValueError(
                f"Batches of {n_rows} rows cannot be shared by {n_processes} processes."
                " Raise batch_size or start fewer."
            )
        self.n_steps_ = n_batches * self.max_epochs
        self.step_ = 0
        device = torch.device(self.device)
        is_alone = device.type == "cuda" and n_processes == 1
        is_dense = self.module_.is_dense(device) and self.module_.multi_k is None
        has_graph = is_alone and is_dense
        self.graph_ = StepGraph(self._update, self.device) if has_graph else None

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Run the epochs that remain after those of a checkpoint."""
        epochs = self.max_epochs - len(self.history)
        return super().fit_loop(X, y, epochs=epochs, **fit_params)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Train on all batches, or validate. skorch calls this twice per epoch."""
        if iterator is None:
            return
        self.module_.train(training)
        run = self._train_epoch if training else self._validate
        try:
            run(iterator)
        except KeyboardInterrupt:
            raise Interrupted from None

    def _train_epoch(self, rows):
        # Once per epoch only. Without dead neurons, the auxiliary loss costs no time.
        dead = self._dead_neurons(len(rows))
        self.history.record("dead_neurons", [len(neurons) for neurons in dead])
        if not any(map(len, dead)):
            dead = ()
        total = torch.zeros(self.module_.n_models, device=self.device)
        for batch in rows.batches(self.batch_size, self.rngs):
            total += self._step(batch, dead) * batch.rows.shape[1]
        mean_loss = self.processes.sum(total) / len(rows)
        if not mean_loss.isfinite().all():
            losses = ", ".join(map(str, mean_loss.tolist()))
            raise FloatingPointError(
                f"The training loss became {losses} in epoch {len(self.history)}. "
                "Lower learning_rate, or check the input for extreme values."
            )
        self.history.record("train_loss", mean_loss.tolist())

    def _step(self, batch, dead):
        """One step of the optimiser; return the loss of this process's rows."""
        rate = one_cycle(self.step_, self.n_steps_) if self.rate is None else self.rate
        self.optimizer_.set_learning_rate(self.lr * rate)
        self.step_ += 1
        if self.graph_ is not None and not dead:
            return self.graph_(batch)
        return self._update(batch, dead)

    def _update(self, batch, dead=()):
        rows, target, row_weights = map(self.processes.part_of, batch)
        with self._autocast():
            loss, fired = self.criterion_(rows, target, row_weights, dead)
        n_rows = batch.rows.shape[1]
        fraction = rows.shape[1] / n_rows
        self.optimizer_.zero_grad()
        # DistributedDataParallel averages gradients; times n_processes is their sum.
        loss.backward(torch.full_like(loss, fraction * self.processes.n_processes))
        self.optimizer_.step()
        self.rows_since_fired_.add_(n_rows).masked_fill_(fired, 0)
        return fraction * loss.detach()

    def _dead_neurons(self, n_rows):
        """Neurons of each model that have not fired for many rows.

        The limit is ``max(n_rows, 64 * n_neurons / k)``, at most ten million rows
        (Gao et al. 2024). A neuron fires once in ``n_neurons / k`` rows on average, so
        this is at least one epoch, and at least 64 of these periods.
        """
        module = self.module_
        period = module.n_neurons / module.k
        limit = min(max(n_rows, _PERIODS_UNTIL_DEAD * period), _MOST_ROWS_UNTIL_DEAD)
        is_dead = self.processes.minimum(self.rows_since_fired_) > limit
        return [torch.nonzero(neurons)[:, 0] for neurons in is_dead]

    def _autocast(self):
        """Autocast context for dense matrix products; not needed for sparse ones."""
        device, dtype = torch.device(self.device), self.module_.precision
        if dtype == torch.float32 or not self.module_.is_dense(device):
            return nullcontext()
        return torch.autocast(device.type, dtype, cache_enabled=False)

    @torch.no_grad()
    def _validate(self, rows):
        module, criterion = self.module_, self.get_params_for("criterion")
        fvu = torch.zeros(module.n_models, len(module.prefixes), device=self.device)
        head_loss = torch.zeros(module.n_models, device=self.device)
        has_head = criterion["target_kind"] is not None
        for batch in rows.batches(_ROWS_PER_VALIDATION_BATCH):
            codes = module(batch.rows)
            fraction = batch.rows.shape[1] / len(rows)
            losses = module.reconstruction(batch.rows, codes, batch.row_weights)[1]
            fvu += fraction * losses
            if has_head:
                head_loss += fraction * prediction_loss(
                    criterion["target_kind"],
                    module.prediction(codes),
                    batch.target,
                    batch.row_weights,
                )
        self.history.record("valid_prefix_fvu", fvu.tolist())
        loss = fvu @ module.prefix_weights
        self.history.record("valid_fvu", loss.tolist())
        if has_head:
            self.history.record("valid_prediction_loss", head_loss.tolist())
            weights = torch.tensor(criterion["target_weights"], device=self.device)
            loss = loss + weights * head_loss
        self.history.record("valid_loss", loss.tolist())
