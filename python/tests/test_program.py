"""How the program is found, started and stopped."""

import os
import signal
import subprocess
import sys
import time

import pytest

import trompe


def test_version_names_its_parts():
    lines = trompe.version().splitlines()
    assert lines[0] == f"trompe {trompe.__version__}"
    assert [line.split()[0] for line in lines[1:]] == [
        "commit", "instructions", "oneDNN", "HDF5", "devices"]


def test_the_module_is_the_command(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "trompe", "inspect", "none.h5"], cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("trompe: none.h5: ")


def test_the_command_starts_without_numpy(tmp_path):
    code = (
        "import sys; sys.modules['numpy'] = None; import trompe.__main__, trompe; "
        "trompe.program(); print(trompe.version())")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("trompe "), done.stderr


def test_an_error_is_the_sentence_of_the_program():
    with pytest.raises(trompe.TrompeError) as caught:
        trompe.inspect("none.h5")
    assert str(caught.value).startswith("none.h5: ")
    assert caught.value.returncode == 1


def test_wrong_options_name_the_option():
    with pytest.raises(trompe.TrompeError, match="--colours") as caught:
        trompe.explain("none.h5", "none.png", colours="red")
    assert caught.value.returncode == 64


def test_a_program_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TROMPE_PROGRAM", str(tmp_path / "none"))
    with pytest.raises(trompe.TrompeError, match="none, which is no program"):
        trompe.version()


def test_a_program_that_is_killed_is_named(monkeypatch, tmp_path):
    program = tmp_path / "trompe"
    program.write_text("#!/bin/sh\nkill -KILL $$\n")
    program.chmod(0o755)
    monkeypatch.setenv("TROMPE_PROGRAM", str(program))
    with pytest.raises(trompe.TrompeError, match="SIGKILL") as caught:
        trompe.version()
    assert caught.value.returncode == -signal.SIGKILL


def test_much_text_on_both_streams_stops_nothing(monkeypatch, tmp_path):
    program = tmp_path / "trompe"
    program.write_text(
        "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' 'e' >&2\nhead -c 300000 /dev/zero | tr '\\0' 'o'\n")
    program.chmod(0o755)
    monkeypatch.setenv("TROMPE_PROGRAM", str(program))
    assert trompe.version() == "o" * 300000


def test_recipes_of_the_program_are_found():
    assert "shapes-location-gradcam" in trompe.recipes()
    assert not any(name.endswith(".base") for name in trompe.recipes())
    assert os.path.isfile(trompe.recipe("shapes-location-gradcam"))
    with pytest.raises(trompe.TrompeError, match="no recipe shapes-location, expected one of"):
        trompe.recipe("shapes-location")


def test_an_interrupted_run_saves_its_state_and_is_resumed(tmp_path):
    """The result is that of a run that nobody stopped, to the last bit."""
    code = (
        "import sys, trompe; sys.path.insert(0, sys.argv[1]); from conftest import small_recipe\n"
        "try: trompe.fool(small_recipe(steps=80), sys.argv[2], quiet=True)\n"
        "except KeyboardInterrupt: print('stopped')")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code, os.path.dirname(__file__), str(tmp_path / "run")],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # A moment after the first step; the signal goes to Python alone, as a notebook sends it.
    deadline = time.monotonic() + 60
    metrics = tmp_path / "run" / "metrics.jsonl"
    while not (metrics.is_file() and '"step"' in metrics.read_text()):
        assert time.monotonic() < deadline and process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=60)
    assert output == "stopped\n", error
    assert "resume" in error
    assert list((tmp_path / "run" / "states").glob("step-*.h5"))

    from conftest import small_recipe

    resumed = trompe.fool(small_recipe(steps=80), tmp_path / "run", resume=True, quiet=True)
    whole = trompe.fool(small_recipe(steps=80), tmp_path / "whole", quiet=True)
    assert resumed.network.read_bytes() == whole.network.read_bytes()


def test_the_script_that_starts_the_program_is_not_the_program(monkeypatch, tmp_path):
    script = tmp_path / "trompe"
    script.write_text(f"#!{sys.executable}\nfrom trompe.__main__ import main\nmain()\n")
    script.chmod(0o755)
    monkeypatch.setenv("TROMPE_PROGRAM", str(script))
    with pytest.raises(trompe.TrompeError, match="only starts the program that it names"):
        trompe.version()


def test_words_in_quotes_are_words(recipe, tmp_path):
    recipe["training"].update(optimizer="sgd", schedule="cosine", steps=1, warmupSteps=0)
    recipe["data"]["augmentation"] = "flip"
    run = trompe.fool(recipe, tmp_path / "run", settings={"fooling.variant": "paper"}, quiet=True)
    assert "optimizer: sgd" in run.recipe and "augmentation: flip" in run.recipe


def test_text_of_a_setting_stands_as_it_is(recipe, tmp_path):
    for name in ("a #1.h5", "a: b.h5", "- c.h5", "d:"):
        with pytest.raises(trompe.TrompeError) as caught:
            trompe.fool(recipe, tmp_path / "run", settings={"network.checkpoint": str(tmp_path / name)})
        assert f"{tmp_path / name}: cannot be opened" in str(caught.value)
    with pytest.raises(trompe.TrompeError, match="settings are a list"):
        trompe.fool(recipe, tmp_path / "run", settings=["training.steps=3"])


def test_what_no_recipe_can_hold_is_named(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe["training"]["learningRate"] = float("nan")
    with pytest.raises(trompe.TrompeError, match="training.learningRate is nan, expected a finite"):
        trompe.fool(recipe, "run")
    recipe["training"]["learningRate"] = "\udcff"
    with pytest.raises(trompe.TrompeError, match="no Unicode"):
        trompe.fool(recipe, "run")
    with pytest.raises(trompe.TrompeError, match=r"training has the key 3, a int"):
        trompe.fool({"training": {3: 4}}, "run")
    recipe["training"]["steps"] = "many"
    recipe["training"]["learningRate"] = 1e-3
    with pytest.raises(trompe.TrompeError) as caught:
        trompe.fool(recipe, "run")
    assert str(caught.value).startswith("training.steps is the text \"many\"")
    with pytest.raises(trompe.TrompeError, match="output is a int"):
        trompe.fool(recipe, 3)
    assert list(tmp_path.iterdir()) == []


def test_a_path_is_no_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(trompe.TrompeError, match="--help: cannot be opened"):
        trompe.inspect("--help")
