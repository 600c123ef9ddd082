"""Networks in memory, as files that the program reads."""

from __future__ import annotations

import os
import sys
import warnings

import numpy as np

from ._files import write_safetensors
from ._program import TrompeError


def file_of(model, folder, name) -> str:
    """The path of `model`: its own, or that of a file in `folder` that holds it.

    - model: a path, a `torch.nn.Module`, its state dict, or a `keras.Model`.
    """
    if isinstance(model, (str, os.PathLike)):
        return os.fspath(model)
    kinds = {kind.__module__.split(".")[0] for kind in type(model).__mro__}
    if kinds & {"keras", "tf_keras"} and hasattr(model, "save"):
        path = os.path.join(folder, f"{name}.keras")
        model.save(path)
        return path
    state = model.state_dict() if hasattr(model, "state_dict") else model
    if not isinstance(state, dict) or not state:
        raise TrompeError(
            f"the network is a {type(model).__name__}, expected a path, a torch.nn.Module, a state "
            "dict or a keras.Model")
    _warn_of_forward(model)
    path = os.path.join(folder, f"{name}.safetensors")
    write_safetensors(path, {key: _array(key, value) for key, value in state.items()})
    return path


def _warn_of_forward(model):
    """A subclass of one of torchvision's networks may compute something else from the same weights."""
    for kind in type(model).__mro__:
        if kind.__module__.startswith("torchvision."):
            return
        if {"forward", "_forward_impl"} & set(vars(kind)) and any(
                other.__module__.startswith("torchvision.models") for other in kind.__mro__):
            warnings.warn(
                f"{kind.__name__} has a forward of its own, which is not read: only its weights are, and "
                "what is computed is torchvision's network", stacklevel=4)
            return


def _array(name, tensor):
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(tensor, torch.Tensor):
        if tensor.device.type == "meta":
            raise TrompeError(f"{name} has no values: it is on the device meta")
        tensor = tensor.detach().cpu()
        # NumPy has no bfloat16; every value of it is one of float32.
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    if isinstance(tensor, np.ndarray):
        return tensor
    raise TrompeError(f"{name} is a {type(tensor).__name__}, expected a tensor")
