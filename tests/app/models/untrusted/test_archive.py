"""What a ``.skops`` file may unpack to."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import scipy.sparse
import skops.io
from sklearn.linear_model import LogisticRegression

from app.models.untrusted import ImportRefused, Unsound
from app.models.untrusted.archive import MAX_MEMBERS, MAX_SCHEMA, MAX_UNPACKED, unpacked
from app.models.untrusted.reading import read_estimator
from tests.app.models.untrusted.hostile import CLASSES, ROWS

MB = 1024**2


def archive(members, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    stream.seek(0)
    return stream


def array(header_shape, data=b""):
    """An array's file whose header says what it likes."""
    stream = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": header_shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + data


def saying(stream, **sizes):
    """The archive with other sizes in its directory and before its only member."""
    content = bytearray(stream.getvalue())
    for signature, offset in ((b"PK\x03\x04", 18), (b"PK\x01\x02", 20)):
        at = content.index(signature) + offset
        old = struct.unpack_from("<II", content, at)
        struct.pack_into("<II", content, at, sizes.get("compressed", old[0]), sizes.get("size", old[1]))
    return io.BytesIO(bytes(content))


def sparse(matrix):
    stream = io.BytesIO()
    scipy.sparse.save_npz(stream, matrix)
    return stream.getvalue()


def mebibytes(call):
    """The most that is allocated at once meanwhile, also by threads that other tests left behind."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()


def test_members_are_unpacked_as_they_are():
    members = {
        "schema.json": b"{}",
        "1.npy": array((2,), bytes(16)),
        "2.bin": b"",
        "3.npz": sparse(scipy.sparse.eye(3)),
    }
    with zipfile.ZipFile(unpacked(archive(members))) as plain:
        assert plain.namelist() == list(members)
        assert {name: plain.read(name) for name in list(members)[:3]} == dict(list(members.items())[:3])
        assert (scipy.sparse.load_npz(io.BytesIO(plain.read("3.npz"))).toarray() == np.eye(3)).all()
        assert {member.compress_type for member in plain.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_model_is_read_however_it_is_compressed(compression, tmp_path):
    model = LogisticRegression().fit(ROWS, CLASSES)
    skops.io.dump(model, tmp_path / "model.skops", compression=compression)
    assert np.array_equal(read_estimator(tmp_path / "model.skops", trust=False).coef_, model.coef_)


def test_archive_that_says_it_is_too_large_is_not_inflated():
    stream = saying(archive({"1.npy": bytes(10 * MB)}), size=4 * 1024**3 - 1)
    peak = mebibytes(lambda: refuse(stream, f"unpacks to 4,294,967,295 bytes, {MAX_UNPACKED:,} are allowed"))
    assert peak < 5


def test_archive_that_says_less_than_it_holds_is_inflated_no_further():
    stream = saying(archive({"1.npy": bytes(100 * MB)}), size=1000)
    assert mebibytes(lambda: damaged(unpacked, stream)) < 5
    with zipfile.ZipFile(stream) as file:  # which is why skops is not given the file itself
        assert mebibytes(lambda: damaged(file.read, "1.npy")) > 90


def test_archive_that_says_more_than_it_holds_is_refused():
    with pytest.raises((Unsound, zipfile.BadZipFile)):
        unpacked(saying(archive({"1.npy": bytes(1000)}), size=5000))


def test_bomb_in_the_archive_of_a_sparse_matrix_counts_too():
    inner = archive({"data.npy": bytes(50 * MB)}).getvalue()
    assert len(inner) < MB / 10
    stream = archive({f"{number}.npz": inner for number in range(5)})
    refuse(stream, "unpacks to 52,428,800 bytes", limit=120 * MB)
    assert mebibytes(lambda: refuse(stream, "unpacks to", limit=10 * MB)) < 5


def test_archive_in_an_archive_without_end_is_refused(tmp_path):
    content = b""
    for _ in range(1_100):
        content = archive({"1.npz": content}, zipfile.ZIP_STORED).getvalue()
    (tmp_path / "model.skops").write_bytes(content)
    with pytest.raises(ImportRefused, match="nested too deeply"):
        read_estimator(tmp_path / "model.skops", trust=False)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_inflates_without_bounds_is_refused(compression):
    refuse(archive({"1.npy": b"1"}, compression), "by another method than deflate")


@pytest.mark.parametrize("shape", [(2**50,), (3,), (1,), (2**32, 2**32), (-1, -2)])
@pytest.mark.parametrize("name", ["1.npy", "1.txt"])
def test_array_that_announces_another_size_than_it_has_is_refused(shape, name):
    refuse(archive({name: array(shape, bytes(16))}), f"{name}' announces an array of")


def test_array_of_nothing_in_any_number_is_refused():
    header = array((2**40,)).replace(b"<f8", b"<U0")
    refuse(archive({"1.npy": header}), "announces an array of")


def test_more_files_than_any_model_has_are_refused():
    refuse(
        archive(dict.fromkeys(map(str, range(MAX_MEMBERS + 1)), b""), zipfile.ZIP_STORED),
        "holds 100,001 files",
    )


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused():
    stream = archive({"1.npy": b""})
    with zipfile.ZipFile(stream, "a") as file:
        file.writestr("1.npy", b"")
    refuse(stream, "two files of one name")


def test_schema_that_is_too_large_is_refused():
    stream = saying(archive({"schema.json": b"{}"}), size=MAX_SCHEMA + 1)
    refuse(stream, "schema.json has 134,217,729 bytes")


@pytest.mark.parametrize("schema", ["[" * 100_000 + "]" * 100_000, None], ids=["lists", "nodes of skops"])
def test_schema_that_is_nested_too_deeply_is_refused(schema, tmp_path):
    node = '{"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": ['
    nodes = node * 3_000 + "]}" * 3_000
    nodes = nodes[:-1] + ', "protocol": 2}'
    (tmp_path / "model.skops").write_bytes(archive({"schema.json": schema or nodes}).getvalue())
    with pytest.raises(ImportRefused, match="nested too deeply"):
        read_estimator(tmp_path / "model.skops", trust=False)


def damaged(read, argument):
    with pytest.raises(zipfile.BadZipFile):
        read(argument)


def refuse(stream, words, **limit):
    with pytest.raises(Unsound, match=words):
        unpacked(stream, **limit)
