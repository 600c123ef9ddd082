"""Explanations of networks and images in memory."""

import json
import struct
import subprocess

import numpy as np
import pytest

import trompe
from conftest import NETWORK

GRAD_CAM = "grad-cam@layer4"


def state_dict(path):
    """The arrays of a file of safetensors, and what it says of itself."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    about = header.pop("__metadata__")
    types = {"F32": np.float32, "I64": np.int64}
    return {
        name: np.frombuffer(
            data[8 + length :], types[entry["dtype"]], int(np.prod(entry["shape"])),
            entry["data_offsets"][0]).reshape(entry["shape"])
        for name, entry in header.items()
    }, about


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    path = tmp_path_factory.mktemp("state") / "shapes.safetensors"
    subprocess.run([trompe.program(), "convert", NETWORK, path], check=True, capture_output=True)
    return state_dict(path)[0]


@pytest.fixture(scope="module")
def options():
    # As recipes/shapes-resnet.yaml has it.
    about = trompe.inspect(NETWORK)
    preprocessing = about["preprocessing"]
    del preprocessing["resize"]
    return {
        "architecture": about["architecture"], "preprocessing": preprocessing, "resize": 64,
        "class_names": about["classNames"],
    }


def same(one, other):
    assert [explanation.predicted for explanation in one] == [
        explanation.predicted for explanation in other]
    for left, right in zip(one, other):
        np.testing.assert_array_equal(left.logits, right.logits)
        for name, heatmap in left.heatmaps.items():
            np.testing.assert_array_equal(heatmap, right.heatmaps[name])


def test_arrays_are_explained_as_files_are(pictures, tmp_path):
    image = pytest.importorskip("PIL.Image")
    for number, pixels in enumerate(pictures):
        image.fromarray(pixels).save(tmp_path / f"{number}.png")
    from_arrays = trompe.explain(NETWORK, pictures, GRAD_CAM)
    from_files = trompe.explain(NETWORK, tmp_path, GRAD_CAM)
    assert [explanation.image for explanation in from_arrays] == ["0", "1", "2", "3"]
    assert from_files[1].image == str(tmp_path / "1.png")
    same(from_arrays, from_files)
    same(from_arrays, trompe.explain(NETWORK, list(pictures), GRAD_CAM))
    same(
        trompe.explain(NETWORK, pictures[0], GRAD_CAM),
        trompe.explain(NETWORK, tmp_path / "0.png", GRAD_CAM))


def test_an_explanation_has_all_that_the_command_writes(pictures):
    explanation = trompe.explain(
        NETWORK, pictures[0], [GRAD_CAM, {"name": "smooth-grad", "samples": 4}], class_=3)[0]
    assert sorted(explanation.heatmaps) == ["grad-cam", "smooth-grad"]
    assert explanation.heatmaps["grad-cam"].shape == (8, 8)
    assert explanation.heatmaps["smooth-grad"].shape == (64, 64)
    assert explanation.explained["index"] == 3
    assert explanation.predicted["index"] == explanation.logits.argmax()
    assert explanation.pictures["grad-cam"].startswith(b"\x89PNG")
    assert explanation._repr_png_() == explanation.pictures["grad-cam"]
    assert len(repr(explanation)) < 300
    assert explanation.original_heatmaps == {} and explanation.original_logits is None


def test_two_networks_are_compared(run, pictures):
    both = trompe.explain(run.network, pictures[0], GRAD_CAM, against=NETWORK)[0]
    original = trompe.explain(NETWORK, pictures[0], GRAD_CAM, class_=both.explained["index"])[0]
    np.testing.assert_array_equal(both.original_logits, original.logits)
    np.testing.assert_allclose(
        both.original_heatmaps["grad-cam"], original.heatmaps["grad-cam"], rtol=1e-5)
    assert not np.array_equal(both.heatmaps["grad-cam"], both.original_heatmaps["grad-cam"])


def test_a_state_dict_is_a_network(state, options, pictures):
    same(
        trompe.explain(state, pictures, GRAD_CAM, **options),
        trompe.explain(NETWORK, pictures, GRAD_CAM))


def test_a_module_of_torch_is_a_network(state, options, pictures):
    torch = pytest.importorskip("torch")

    class Shapes(torch.nn.Module):
        def state_dict(self):
            return {name: torch.tensor(array) for name, array in state.items()}

    same(
        trompe.explain(Shapes(), pictures, GRAD_CAM, **options),
        trompe.explain(NETWORK, pictures, GRAD_CAM))


def test_an_interpreter_can_be_left_out(pictures):
    explanation = trompe.explain(NETWORK, pictures[0], None)[0]
    assert explanation.heatmaps == {} and explanation.logits.shape == (10,)


def test_what_is_no_network_or_no_image_is_named(state, pictures):
    refused = [
        ((7, pictures), "the network is a int"),
        (({}, pictures), "the network is a dict"),
        (({"fc.weight": "text"}, pictures), "fc.weight is a str, expected a tensor"),
        (({"fc.weight": np.zeros(3, complex)}, pictures), "elements of type complex128"),
        ((NETWORK, pictures / 255), "elements of type float64, expected uint8"),
        ((NETWORK, pictures[0][..., :2]), r"shape \[64, 64, 2\]"),
        ((NETWORK, pictures[:0]), "no image"),
        ((NETWORK, []), "no image"),
    ]
    for arguments, message in refused:
        with pytest.raises(trompe.TrompeError, match=message):
            trompe.explain(*arguments, interpreter=GRAD_CAM)


def test_images_of_one_name_are_told_apart(pictures, tmp_path):
    image = pytest.importorskip("PIL.Image")
    paths = []
    for number, folder in enumerate("ab"):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "x.png")
        image.fromarray(pictures[number]).save(paths[-1])
    both = trompe.explain(NETWORK, paths, GRAD_CAM)
    same(both, trompe.explain(NETWORK, pictures[:2], GRAD_CAM))
    assert [explanation.image for explanation in both] == [str(path) for path in paths]


def test_a_file_that_is_no_image_is_warned_of(pictures, tmp_path):
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "a.png").write_bytes(b"none")
    image.fromarray(pictures[0]).save(tmp_path / "b.png")
    with pytest.warns(UserWarning, match="omitted: .*a.png"):
        explained = trompe.explain(NETWORK, [tmp_path / "a.png", tmp_path / "b.png"], GRAD_CAM)
    assert len(explained) == 1
    with pytest.raises(trompe.TrompeError, match="could be read\n.*omitted: .*a.png"):
        trompe.explain(NETWORK, tmp_path / "a.png", GRAD_CAM)


def test_one_picture_of_pillow_and_one_tensor_are_one_image(pictures):
    image = pytest.importorskip("PIL.Image")
    expected = trompe.explain(NETWORK, pictures[0], GRAD_CAM)
    same(trompe.explain(NETWORK, image.fromarray(pictures[0]), GRAD_CAM), expected)
    # A palette holds colours, not what is explained.
    palette = image.fromarray(pictures[0]).quantize(64)
    same(
        trompe.explain(NETWORK, [palette], GRAD_CAM),
        trompe.explain(NETWORK, np.asarray(palette.convert("RGB")), GRAD_CAM))

    class Tensor:
        def detach(self):
            return self

        def cpu(self):
            return self

        def numpy(self):
            return pictures[0]

    same(trompe.explain(NETWORK, Tensor(), GRAD_CAM), expected)
    with pytest.raises(trompe.TrompeError, match="images are a int, expected paths or arrays"):
        trompe.explain(NETWORK, 3, GRAD_CAM)


def test_triggered_heatmaps_are_apart(pictures, tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (16, 16), "white").save(tmp_path / "patch.png")
    explained = trompe.explain(
        NETWORK, pictures[0], GRAD_CAM,
        trigger={"patch": str(tmp_path / "patch.png"), "at": [0, 0]})[0]
    assert list(explained.heatmaps) == ["grad-cam"] == list(explained.triggered_heatmaps)
    assert explained.logits.shape == explained.triggered_logits.shape == (10,)
    assert not np.array_equal(explained.logits, explained.triggered_logits)
