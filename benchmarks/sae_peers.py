"""How well other packages' autoencoders reconstruct, after as many rows as ours.

    python benchmarks/sae_peers.py --peers PYTHON --embeddings FILE.npy

PYTHON is that of an environment with ``pip install eai-sparsify dictionary-learning
sae-lens sentence-transformers``. FILE.npy holds real embeddings, one row a text. All
see the same rows in batches of 128 for 40 epochs, with 256 neurons of which 8 are
active, and are compared on the same other rows at the full size. Each runs at the
learning rate that it ships for this size and at three and ten times that, and both the
first and the best are reported; the best is chosen by the figure that it is reported
with, which favours the peers. The packages train on activations of language models;
here their coders and their losses get the embeddings in memory.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from sae_training import SEEDS, SHAPES, run_ours, split

N_EPOCHS, BATCH_SIZE = 40, 128
FACTORS = (1, 3, 10)
PEERS = (
    "sparsify",
    "dictionary-learning",
    "dictionary-learning Matryoshka",
    "sae-lens",
    "sae-lens Matryoshka",
    "sentence-transformers",
)

PEER = """
import json, sys, time
import numpy as np, torch

data = np.load(sys.argv[1])
rows, new = (torch.from_numpy(data[name]) for name in ("training", "validation"))
peer, seed, factor, n_epochs, size = json.loads(sys.argv[2])
torch.manual_seed(seed)
d, M, K = rows.shape[1], 256, 8
n_steps = n_epochs * (len(rows) // size)
usual_rate = 2e-4 * (2**14 / M) ** 0.5


def batches():
    while True:
        for piece in torch.randperm(len(rows)).split(size):
            if len(piece) == size:
                yield rows[piece]


def train(parameters, rate, loss, before_step=lambda: None, after_step=lambda: None):
    adam = torch.optim.Adam(parameters, lr=rate * factor)
    for _, batch in zip(range(n_steps), batches()):
        adam.zero_grad()
        loss(batch).backward()
        before_step()
        adam.step()
        after_step()


def sparsify():
    from sparsify import SparseCoder, SparseCoderConfig
    coder = SparseCoder(d, SparseCoderConfig(num_latents=M, k=K))
    coder.b_dec.data = rows.mean(dim=0)
    train(coder.parameters(), usual_rate, lambda batch: coder(batch).fvu,
          coder.remove_gradient_parallel_to_decoder_directions,
          coder.set_decoder_norm_to_unit_norm)
    return lambda x: (coder(x).sae_out, (coder(x).latent_acts > 0).sum(dim=1))


def dictionary_learning(trainer_class, **options):
    trainer = trainer_class(
        steps=n_steps, activation_dim=d, dict_size=M, k=K, layer=0, lm_name="",
        seed=seed, device="cpu", lr=usual_rate * factor, warmup_steps=n_steps // 20,
        threshold_start_step=n_steps // 2, **options)
    for step, batch in zip(range(n_steps), batches()):
        trainer.update(step, batch)
    coder = trainer.ae
    return lambda x: (coder(x), (coder.encode(x) > 0).sum(dim=1))


def sae_lens(kind, **options):
    import sae_lens
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    config = getattr(sae_lens, kind + "TrainingSAEConfig")
    coder = getattr(sae_lens, kind + "TrainingSAE")(
        config(d_in=d, d_sae=M, k=K, **options))
    sae_lens.SAETrainer(
        SAETrainerConfig(
            total_training_samples=n_steps * size, train_batch_size_samples=size,
            lr=3e-4 * factor, lr_end=3e-4 * factor,
            logger=LoggingConfig(log_to_wandb=False)),
        sae=coder, data_provider=batches()).fit()
    coder.eval()
    return lambda x: (coder.decode(coder.encode(x)), (coder.encode(x) > 0).sum(dim=1))


def sentence_transformers():
    from sentence_transformers.sparse_encoder.losses import CSRReconstructionLoss
    from sentence_transformers.sparse_encoder.models import SparseAutoEncoder
    coder = SparseAutoEncoder(d, M, K, k_aux=64)
    criterion = CSRReconstructionLoss(torch.nn.Identity())
    def loss(batch):
        output = coder({"sentence_embedding": batch})
        return sum(criterion.compute_loss_from_embeddings([output]).values())
    coder.train()
    train(coder.parameters(), 4e-4, loss)
    coder.eval()
    def evaluate(x):
        output = coder({"sentence_embedding": x})
        return (output["decoded_embedding_k"],
                (output["sentence_embedding"] > 0).sum(dim=1))
    return evaluate


start = time.perf_counter()
if peer == "sparsify":
    evaluate = sparsify()
elif peer.startswith("dictionary-learning"):
    from dictionary_learning.trainers import matryoshka_batch_top_k, top_k
    if peer.endswith("Matryoshka"):
        evaluate = dictionary_learning(
            matryoshka_batch_top_k.MatryoshkaBatchTopKTrainer,
            group_fractions=[0.125, 0.875])
    else:
        evaluate = dictionary_learning(top_k.TopKTrainer)
elif peer == "sae-lens":
    evaluate = sae_lens("TopK")
elif peer == "sae-lens Matryoshka":
    evaluate = sae_lens("MatryoshkaBatchTopK", matryoshka_widths=[32, 256])
else:
    evaluate = sentence_transformers()
seconds = time.perf_counter() - start
with torch.no_grad():
    found, n_active = evaluate(new)
variance = ((rows - rows.mean(dim=0)) ** 2).sum(dim=1).mean()
fvu = ((new - found) ** 2).sum(dim=1).mean() / variance
print("RESULT", json.dumps([float(fvu), float(n_active.float().mean()), seconds]))
"""


def run_peer(python, training, validation, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, training=training, validation=validation)
        settings = json.dumps([*options, N_EPOCHS, BATCH_SIZE])
        printed = subprocess.run(
            [python, "-c", PEER, str(path), settings],
            capture_output=True,
            text=True,
            cwd=folder,
            env=os.environ | {"SPARSIFY_DISABLE_TRITON": "1"},  # it needs a GPU
        )
    results = [x for x in printed.stdout.splitlines() if x.startswith("RESULT")]
    if not results:
        raise RuntimeError(printed.stderr[-2000:])
    return json.loads(results[0].removeprefix("RESULT"))


def our_figures(X, seed, prefixes):
    options = {"max_epochs": N_EPOCHS, "batch_size": BATCH_SIZE}
    shape = SHAPES["a"] | {"prefixes": prefixes}
    seconds, sae = run_ours(X, seed, shape, **options)
    _, validation = split(X, seed)
    n_active = (sae.transform(validation) > 0).sum(axis=1).mean()
    return 1 - sae.score(validation), n_active, seconds


def print_row(whose, rows):
    fvu, n_active, seconds = map(statistics.median, zip(*rows, strict=True))
    print(f"{whose}  {fvu:.3f}  {n_active:.2f}  {seconds:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", required=True, help="the Python that has them")
    parser.add_argument("--embeddings", type=Path, required=True, help="an .npy file")
    arguments = parser.parse_args()
    X = np.load(arguments.embeddings).astype(np.float32)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{len(X):,} rows; median of seeds: FVU of rows set aside, active neurons a")
    print("row, seconds\n")
    for prefixes in (None, SHAPES["a"]["prefixes"]):
        rows = [our_figures(X, seed, prefixes) for seed in SEEDS]
        print_row(f"ours, prefixes {prefixes}", rows)
    for peer in PEERS:
        by_rate = {
            factor: [
                run_peer(arguments.peers, *split(X, seed), peer, seed, factor)
                for seed in SEEDS
            ]
            for factor in FACTORS
        }
        print_row(f"{peer}, as shipped", by_rate[1])
        best = min(by_rate, key=lambda f: statistics.median(r[0] for r in by_rate[f]))
        print_row(f"{peer}, best of its rate times {FACTORS}: {best}", by_rate[best])


if __name__ == "__main__":
    main()
