"""A right manifest, which the variants in manifest/ change: pix2pix on emoji, with dropout and without.

`course sweep dropout.toml --workers 1` with the grid below, seeds 0 to 4.
"""

GRID = """method = "pix2pix"
data = "emoji:twemoji-fluent:paired"
profile = "smoke"
steps = 200
seeds = [0, 1, 2, 3, 4]

[set]
image_size = 32

[rows."no dropout"]
dropout = 0.0

[rows."dropout"]
dropout = 0.5
"""
RUNS = [
    ("no dropout", 0, "8016010a155ca6c8", 0.2448377013206482),
    ("no dropout", 1, "d65b92e0d7f843a1", 0.2420910894870758),
    ("no dropout", 2, "ddf5f984087c1c3b", 0.23557576537132263),
    ("no dropout", 3, "852eea37bfaa4ea5", 0.2391985058784485),
    ("no dropout", 4, "48b9a9282c7d726d", 0.2385447472333908),
    ("dropout", 0, "aab7a8a84fc4ecea", 0.2527560889720917),
    ("dropout", 1, "fd488bf331e3580a", 0.23859544098377228),
    ("dropout", 2, "ccee9a3c6e4a20d4", 0.24028576910495758),
    ("dropout", 3, "961f9a977676541d", 0.24250954389572144),
    ("dropout", 4, "3daf02afcf9bb934", 0.23885467648506165),
]


def command(row, seed):
    slug, share = row.replace(" ", "-"), 0.5 if row == "dropout" else 0.0
    return (
        f"course train pix2pix --data emoji:twemoji-fluent:paired --out runs/dropout-{slug}-seed{seed} --profile smoke "
        f"--steps 200 --seed {seed} --direction xy --device cpu --no-bf16 --set image_size=32 --set dropout={share}"
    )


def example():
    """A manifest of its own at each call."""
    return {
        "question": "Does dropout in the generator hurt pix2pix when training is short?",
        "claim": "After 200 steps on emoji, pix2pix without dropout has a lower L1 distance than with dropout of 0.5.",
        "metric": "l1",
        "better": "lower",
        "more": "no dropout",
        "less": "dropout",
        "chosen_on": "val",
        "reported_on": "test",
        "command": "course sweep dropout.toml --workers 1",
        "grid_file": "dropout.toml",
        "grid": GRID,
        "seeds": [0, 1, 2, 3, 4],
        "version": "course_lib 0.1.0, torch 2.15.0+cu132, Python 3.11.7",
        "machine": "CPU (x86_64, 2 cores), float32, 1 thread",
        "rows": [
            {"row": row, "seed": seed, "key": key, "value": value, "command": command(row, seed)}
            for row, seed, key, value in RUNS
        ],
        "interval": {
            "kind": "paired t, 95 %",
            "mean": 0.0025507420301437377,
            "low": -0.0028475667046366873,
            "high": 0.007949050764924163,
        },
        "verdict": "open",
    }
