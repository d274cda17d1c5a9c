"""How fast rows become activations, beside HypotheSAEs in the same run.

    python benchmarks/sae_transform.py --peer PYTHON [--device cuda]

PYTHON is that of an environment with ``pip install hypothesaes``. Speed does not depend
on what the weights are, so both are trained for one epoch.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from sae_training import generated_rows, print_ratio, run_ours, shapes_on

N_ROWS = {"a": 100_000, "b": 20_000, "c": 20_000}
N_RUNS = 3

PEER = """
import json, sys, time
import numpy as np
from hypothesaes.quickstart import train_sae
X, options = np.load(sys.argv[1]), json.loads(sys.argv[2])
sae = train_sae(X[:1024], n_epochs=1, show_progress=False, **options)
for _ in range(3):
    start = time.perf_counter()
    sae.get_activations(X, show_progress=False)
    print("SECONDS", time.perf_counter() - start)
"""


def peer_seconds(python, X, shape):
    options = {"M": shape["M"], "K": shape["K"]}
    options["matryoshka_prefix_lengths"] = list(shape["prefixes"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, X)
        command = [python, "-c", PEER, str(path), json.dumps(options)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True)
    return [
        float(line.split()[1])
        for line in printed.stdout.splitlines()
        if line.startswith("SECONDS")
    ]


def our_seconds(X, shape, sparse_output, device):
    options = {"sparse_output": sparse_output, "device": device}
    _, sae = run_ours(X[:1024], 0, shape, max_epochs=1, **options)
    seconds = []
    for _ in range(N_RUNS):
        start = time.perf_counter()
        sae.transform(X)
        seconds.append(time.perf_counter() - start)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="the Python with hypothesaes")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")
    print("rows/s, median of 3 runs\n")
    print("shape  ours  HypotheSAEs  ratio  ours by run  HypotheSAEs by run")
    for name, shape in shapes_on(arguments.device).items():
        X = generated_rows(shape["d"], N_ROWS[name])
        peer = [len(X) / s for s in peer_seconds(arguments.peer, X, shape)]
        for kind, sparse_output in (("dense", False), ("csr", True)):
            ours = [
                len(X) / s
                for s in our_seconds(X, shape, sparse_output, arguments.device)
            ]
            print_ratio(f"{name}, {kind}", ours, peer)


if __name__ == "__main__":
    main()
