"""Files of a folder and of a zip: those that are named, and nothing outside of the model."""

import zipfile
from pathlib import Path
from stat import S_IFLNK

import pytest

from app.models.importing.mlflow.model_files import FolderFiles, ZipFiles
from app.models.untrusted import ImportRefused


@pytest.fixture(params=["folder", "zip"])
def files(request, tmp_path):
    """A model of two files, and a file beside it."""
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "data" / "model.skops").write_bytes(b"12345")
    (tmp_path / "outside").write_text("secret")
    if request.param == "folder":
        return FolderFiles(folder)
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        for name in ("MLmodel", "data/model.skops"):
            archive.write(folder / name, name)
    return unpacking(tmp_path / "model.zip")


def unpacking(path):
    target = path.parent / "unpacked"
    target.mkdir()
    return ZipFiles(path, target)


def test_file_is_found_by_its_path(files):
    assert files.fetch("data/model.skops").read_bytes() == b"12345"
    assert files.fetch("MLmodel").read_text() == "flavors: {}"


@pytest.mark.parametrize(
    "name", ["../outside", "data/../../outside", "/etc/passwd", "..\\outside", "", "a\0b"]
)
def test_path_out_of_the_model_is_refused(files, name):
    with pytest.raises(ImportRefused, match="no path within the model"):
        files.fetch(name)


def test_file_that_is_absent_or_too_large_is_refused(files):
    with pytest.raises(ImportRefused, match=r"has no file model\.pkl"):
        files.fetch("model.pkl")
    with pytest.raises(ImportRefused, match=r"has 5 bytes, 4 are allowed"):
        files.fetch("data/model.skops", limit=4)


def test_link_out_of_a_folder_is_refused(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "model" / "MLmodel").symlink_to(tmp_path / "outside")
    with pytest.raises(ImportRefused, match="is a link that leads out of the folder"):
        FolderFiles(tmp_path / "model").fetch("MLmodel")


def test_folder_in_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "model" / "MLmodel").mkdir(parents=True)
    with pytest.raises(ImportRefused, match="has no file MLmodel"):
        FolderFiles(tmp_path / "model").fetch("MLmodel")


def archive_of(path, members, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return unpacking(path)


def test_zip_may_hold_the_model_in_a_folder(tmp_path):
    files = archive_of(
        tmp_path / "m.zip", {"model/MLmodel": b"x", "model/model.pkl": b"y", "model.pkl": b"z"}
    )
    assert files.fetch("model.pkl").read_bytes() == b"y"


def test_only_what_is_asked_for_is_unpacked(tmp_path):
    files = archive_of(tmp_path / "m.zip", {"MLmodel": b"x", "../../outside": b"y", "conda.yaml": b"z"})
    files.fetch("MLmodel")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["m.zip", "MLmodel"]
    assert not (tmp_path.parent / "outside").exists()


def test_zip_without_mlmodel_is_refused(tmp_path):
    files = archive_of(tmp_path / "m.zip", {"a/b/MLmodel": b"x", "model.pkl": b"y"})
    with pytest.raises(ImportRefused, match="has no MLmodel, at its top or in its only folder"):
        files.fetch("model.pkl")


def test_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("model.pkl")
    link.external_attr = (S_IFLNK | 0o777) << 16
    files = archive_of(tmp_path / "m.zip", {"MLmodel": b"x", link: b"/etc/passwd"})
    with pytest.raises(ImportRefused, match=r"model\.pkl is a link"):
        files.fetch("model.pkl")


def test_bomb_is_not_inflated_beyond_what_it_announces(tmp_path):
    files = archive_of(tmp_path / "m.zip", {"MLmodel": bytes(10**6)}, compression=zipfile.ZIP_DEFLATED)
    path = Path(tmp_path / "m.zip")
    content = path.read_bytes()
    path.write_bytes(content.replace((10**6).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(ImportRefused, match=r"m\.zip cannot be read: BadZipFile"):
        files.fetch("MLmodel", limit=1_000)
    assert (tmp_path / "unpacked" / "MLmodel").stat().st_size <= 100


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06"])
def test_file_that_is_no_zip_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "m.zip").write_bytes(content)
    with pytest.raises(ImportRefused, match=r"m\.zip cannot be read: BadZipFile"):
        unpacking(tmp_path / "m.zip").fetch("MLmodel")


def test_method_whose_size_cannot_be_bounded_is_refused(tmp_path):
    files = archive_of(tmp_path / "m.zip", {"MLmodel": b"x"}, compression=zipfile.ZIP_LZMA)
    with pytest.raises(ImportRefused, match="compressed by another method"):
        files.fetch("MLmodel")
