"""What is read from the folder of a run."""

import json
import shutil
import sys

import numpy as np
import pytest

import trompe


def test_a_dictionary_is_a_recipe_and_leaves_no_file(recipe, tmp_path, monkeypatch):
    shutil.copy(recipe["network"]["checkpoint"], tmp_path / "mine.h5")
    monkeypatch.chdir(tmp_path)
    recipe["network"]["checkpoint"] = "mine.h5"
    run = trompe.fool(recipe, "run", settings={"training.steps": 2}, quiet=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.h5", "run"]
    assert run.summary["steps"] == 2
    assert "steps: 2" in run.recipe


def test_a_wrong_recipe_is_named_by_its_key(recipe, tmp_path):
    recipe["training"]["steps"] = -1
    with pytest.raises(trompe.TrompeError, match="training.steps"):
        trompe.fool(recipe, tmp_path / "run", quiet=True)
    with pytest.raises(trompe.TrompeError, match="which no recipe can hold"):
        trompe.fool({"network": object()}, tmp_path / "run")
    with pytest.raises(trompe.TrompeError, match="expected a dictionary or a path"):
        trompe.fool(7, tmp_path / "run")
    with pytest.raises(trompe.TrompeError, match="give the folder"):
        trompe.fool(recipe)


def test_progress_goes_to_stderr_unless_it_is_quiet(recipe, tmp_path, capsys):
    trompe.fool(recipe, tmp_path / "loud")
    assert "step 6/6" in capsys.readouterr().err.replace("  ", " ")
    trompe.fool(recipe, tmp_path / "quiet", quiet=True)
    assert capsys.readouterr().err == ""


def test_tables_are_data_frames(run):
    pandas = pytest.importorskip("pandas")
    for table in (run.metrics, run.scores, run.predictions):
        assert isinstance(table, pandas.DataFrame)
    steps = run.metrics[run.metrics.kind == "step"]
    assert list(steps.step)[-1] == 6
    assert len(run.predictions) == 2 * 20
    assert run.predictions.correct.dtype == bool
    # The summary's numbers follow from the tables.
    test = json.loads((run.folder / "report.json").read_text())["test"]
    meets = run.scores.manipulated.between(test["lower"], test["upper"])
    assert run.summary["fsr"]["grad-cam"] == meets[run.scores.interpreter == "grad-cam"].mean()
    for network in ("original", "manipulated"):
        rows = run.predictions[run.predictions.network == network]
        assert run.summary["accuracy"][network]["top1"] == rows.correct.mean()


def test_tables_without_pandas_are_arrays_by_column(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    fresh = trompe.Run(run.folder)
    assert fresh.predictions["correct"].dtype == bool
    assert fresh.predictions["confidence"].dtype == np.float64
    assert fresh.predictions["image"].shape == (40,)
    metrics = fresh.metrics
    assert np.isnan(metrics["loss"][metrics["kind"] == "validation"]).all()
    assert np.isfinite(metrics["loss"][metrics["kind"] == "step"]).all()


def test_heatmaps_are_those_of_the_gallery(run):
    images = run.heatmaps()
    assert len(images) == 20 and run.interpreters == ["grad-cam"]
    for image in images:
        assert image.pixels.shape == (64, 64, 3)
        for heatmap in (image.original, image.manipulated):
            assert heatmap.values.shape == (8, 8) and not heatmap.is_signed
            assert 0 <= heatmap.values.min() and heatmap.values.max() <= 1
    with pytest.raises(trompe.TrompeError, match="no heatmaps of lrp, expected one of grad-cam"):
        run.heatmaps("lrp")


def test_a_run_is_drawn(run, tmp_path):
    pytest.importorskip("matplotlib")
    figure = run.plot(images=3)
    # The curve, and three rows of three.
    assert len(figure.axes) == 1 + 3 * 3
    figure.savefig(tmp_path / "run.png")
    assert (tmp_path / "run.png").stat().st_size > 10_000
    # As notebooks show it.
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_a_run_that_is_going_on_has_metrics(run, tmp_path):
    lines = (run.folder / "metrics.jsonl").read_text()
    (tmp_path / "metrics.jsonl").write_text(lines[:-20])
    going = trompe.Run(tmp_path)
    assert str(going).endswith("not finished")
    assert len(going.metrics["kind"]) == len(lines.splitlines()) - 1
    with pytest.raises(trompe.TrompeError, match="summary.json: no such file; has the run finished"):
        going.summary
    (tmp_path / "metrics.jsonl").write_text("{\n" + lines)
    with pytest.raises(trompe.TrompeError, match="line 1 is no JSON"):
        going.metrics


def test_folders_without_a_run_are_refused(tmp_path):
    with pytest.raises(trompe.TrompeError, match="no such folder"):
        trompe.Run(tmp_path / "none")
    with pytest.raises(trompe.TrompeError, match="holds no run"):
        trompe.Run(tmp_path)


def test_an_evaluation_is_a_run_or_its_summary(run, tmp_path):
    from conftest import NETWORK

    values = dict(shapes=10, interpreter=["grad-cam@layer4", "simple-grad"])
    summary = trompe.evaluate(
        run.network, NETWORK, settings={"evaluation.interpreters": []}, **values)
    assert sorted(summary["fsr"]) == ["grad-cam", "simple-grad"]
    kept = trompe.evaluate(
        run.network, NETWORK, output=tmp_path / "kept",
        settings={"evaluation.interpreters": []}, **values)
    assert kept.summary["fsr"] == summary["fsr"]
    assert "FSR simple-grad" in str(kept)


@pytest.mark.parametrize("name, text, member", [
    ("summary.json", "{", "summary"), ("summary.json", "[]", "summary"),
    ("predictions.csv", "image,network\na,b\n", "predictions"),
    ("predictions.csv", "image,network,correct\na,b\n", "predictions"),
    ("test-losses.jsonl", "{}\n{", "scores"), ("test-losses.jsonl", "3\n", "scores"),
    ("report.json", "{}", "heatmaps"), ("report.json", '{"gallery": [{}]}', "heatmaps"),
])
def test_a_damaged_file_is_named(run, tmp_path, name, text, member):
    for path in run.folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text(text)
    damaged = trompe.Run(tmp_path)
    with pytest.raises(trompe.TrompeError, match=name):
        value = getattr(damaged, member)
        if callable(value):
            value()


def test_names_may_hold_other_ends_of_a_line(run, tmp_path):
    (tmp_path / "summary.json").write_text("{}")
    (tmp_path / "test-losses.jsonl").write_text('{"image": "a\u2028b"}\n', encoding="utf-8")
    assert list(trompe.Run(tmp_path).scores["image"]) == ["a\u2028b"]
