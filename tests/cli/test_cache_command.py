"""What the cache holds, a limit, and making it empty."""

import pytest

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae._cache import DiskCache
from sklearn_hsae.cli import main


@pytest.fixture
def folder(tmp_path):
    EmbeddingTransformer(cache_dir=tmp_path).fit_transform(["soup", "view"])
    DiskCache(tmp_path, "llm").put_many({"a": b"reply"})
    store = tmp_path / "activations" / ("0" * 32)
    store.mkdir(parents=True)
    (store / "shard.safetensors").write_bytes(bytes(2_000_000))
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / f"{'0' * 32}.safetensors").write_bytes(bytes(1_000_000))
    (tmp_path / "mine.txt").write_text("not of the cache")
    return tmp_path


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_info_lists_what_there_is(folder, capsys):
    assert main(["cache", "info", "--cache-dir", str(folder)]) == 0
    path, vectors, replies, activations, trainings = lines(capsys)
    assert path == str(folder)
    assert vectors.split()[:4] == ["vectors", "of", "texts", "2"]
    assert replies.split()[:5] == ["replies", "of", "language", "models", "1"]
    assert activations.endswith(" 1  2.0 MB")
    assert trainings.endswith(" 1  1.0 MB")
    assert main(["cache", "info", "--cache-dir", str(folder / "nowhere")]) == 0
    assert lines(capsys) == [str(folder / "nowhere")]
    assert not (folder / "nowhere").exists()


def test_clear_keeps_what_was_paid_for_and_what_is_not_its_own(folder, capsys):
    assert main(["cache", "clear", "--cache-dir", str(folder)]) == 0
    assert DiskCache(folder, "embeddings").size()[0] == 0
    assert DiskCache(folder, "llm").size()[0] == 1
    assert list((folder / "activations").iterdir()) == []
    assert list((folder / "training").iterdir()) == []
    assert main(["cache", "clear", "--paid", "--cache-dir", str(folder)]) == 0
    assert DiskCache(folder, "llm").size()[0] == 0
    assert (folder / "mine.txt").exists()


def test_a_limit_is_kept_with_the_vectors(folder, capsys):
    place = ["--cache-dir", str(folder)]
    assert main(["cache", "limit", "1.5GB", *place]) == 0
    assert lines(capsys)[1].endswith(" of 1.5 GB")
    assert DiskCache(folder, "embeddings").limit == 1_500_000_000
    assert main(["cache", "limit", "none", *place]) == 0
    assert " of " not in lines(capsys)[1].replace("vectors of texts", "")
    assert main(["cache", "limit", *place]) == 2
    assert "sklearn-hsae cache limit 5GB" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["cache", "limit", "plenty", *place])
    assert "'plenty' is no size such as 500MB or 5GB" in capsys.readouterr().err
