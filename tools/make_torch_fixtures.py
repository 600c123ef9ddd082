"""Makes the .pth files of Tests/CheckpointsTests/Fixtures with PyTorch, as others would write them.

Run once, by hand, from the root of the repository: python3 tools/make_torch_fixtures.py
"""

import argparse
import datetime
import os
import pathlib
from collections import Counter, OrderedDict, defaultdict

import numpy as np
import torch

folder = "Tests/CheckpointsTests/Fixtures"


def save(value, name, old=False, **options):
    torch.save(
        value, os.path.join(folder, name), _use_new_zipfile_serialization=not old, **options)


def ramp(*shape, type=torch.float32):
    """0, 1, 2, … in row-major order: what a test expects of every tensor."""
    count = 1
    for extent in shape:
        count *= extent
    return torch.arange(count).to(type).reshape(shape)


def views():
    """Tensors that share storages, and whose elements do not lie in their order."""
    whole = ramp(4, 6)
    filters = ramp(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    return OrderedDict(
        whole=whole, rows=whole[1:3], columns=whole[:, 2:4], transposed=whole.t(),
        filters=filters, parameter=torch.nn.Parameter(ramp(3)), one=ramp(1)[0], empty=ramp(0, 3))


def types():
    return {
        name: ramp(2, 3, type=getattr(torch, name))
        for name in ["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64",
                     "uint8", "bool"]
    }


class Network(torch.nn.Module):
    """The layers of StateDictNamesTests."""

    def __init__(self, outputs=3):
        super().__init__()
        self.conv0 = torch.nn.Conv2d(2, 2, 3, bias=False)
        self.features = torch.nn.Module()
        self.features.denseblock1 = torch.nn.Module()
        self.features.denseblock1.denselayer1 = torch.nn.Module()
        self.features.denseblock1.denselayer1.norm1 = torch.nn.BatchNorm2d(2)
        self.fc = torch.nn.Linear(2, outputs)
        for tensor in self.state_dict().values():
            tensor.copy_(ramp(*tensor.shape))


for old in [False, True]:
    suffix = "-old" if old else ""
    save(views(), f"torch-views{suffix}.pth", old)
    save(types(), f"torch-types{suffix}.pth", old)

network = Network()
optimizer = torch.optim.Adam(network.parameters())
network.fc(torch.ones(1, 2)).sum().backward()
optimizer.step()
network = Network()
save(
    {
        "epoch": 7,
        "best": 0.5,
        "arch": "tiny",
        "history": [(1, 0.5), (2, None)],
        "state_dict": OrderedDict(
            ("module." + name, tensor) for name, tensor in network.state_dict().items()),
        "optimizer": optimizer.state_dict(),
    }, "torch-checkpoint.pth")
save({"model": network.state_dict(), "epoch": 7}, "torch-checkpoint-old.pth", old=True)
save(network.state_dict(), "torch-protocol4.pth", pickle_protocol=4)
save({"state_dict": network.state_dict(), "ema_state_dict": network.state_dict()}, "torch-ema.pth")
# What training scripts keep beside the weights.
losses = defaultdict(list)
losses["train"].append(np.float32(0.25))
beside = {
    "args": argparse.Namespace(lr=0.1, data=pathlib.Path("data"), sizes={1, 2}),
    "best_acc": np.float64(91.5), "curve": np.array([1.0, 2.0]), "counts": Counter("aab"),
    "losses": losses, "device": torch.device("cpu"), "type": torch.float32,
    "shape": torch.Size([3, 2]), "time": datetime.datetime(2026, 1, 2, 3, 4, 5),
    "random": np.random.RandomState(0).get_state(), "torch_random": torch.get_rng_state()[:8].clone(),
    "state_dict": network.state_dict(),
}
save(beside, "torch-training.pth")
save(beside, "torch-training-old.pth", old=True)
save(beside, "torch-training-protocol4.pth", pickle_protocol=4)
pair = torch.nn.Module()
pair.student, pair.teacher = Network(), Network()
save(pair.state_dict(), "torch-pair.pth")
# A whole module, which asks for its class, and one beside the weights.
save(torch.nn.Linear(2, 3), "torch-module.pth")
save(torch.nn.Linear(2, 3), "torch-module-old.pth", old=True)
