"""What is refused before anything of it is unpickled. The figures are printed with ``pytest -s``."""

import json
import os
import random
import shutil
import tracemalloc

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from app.exceptions import ArtifactInvalid
from app.models.loading import loader, signing, verification
from app.models.loading.signing import Verifier
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.repository.version_files import METADATA, SIGNATURE, fingerprint
from tests.app.models.repository.test_store import Canary, pickled
from tests.estimators import BOXES

KEY = "a signing key of this test"
SIGNED = verification.VerificationPolicy(Verifier(hmac_key=KEY))
UNSIGNED = verification.VerificationPolicy()
SEED = 20


@pytest.fixture(scope="module")
def initial_store(tmp_path_factory):
    """Versions ``v1`` and ``v2``, compiled and signed."""
    store = ModelStore(tmp_path_factory.mktemp("verification"))
    for version, classes in {"v1": [0, 1], "v2": [1, 0]}.items():
        model = LogisticRegression().fit(BOXES.to_numpy(), classes * 10)
        publish(store, model, sample=BOXES, version=version)
        store.sign(version, signing.sign(store.raw_metadata(version), hmac_key=KEY))
    return store.root


@pytest.fixture
def folder(store):
    return store.root / "model_v1"


def options(policy=UNSIGNED, **others):
    return loader.LoadingOptions(admission=policy, **others)


def refusal(store, policy=UNSIGNED, version="v1", **others):
    """Why the version is refused."""
    with pytest.raises(ArtifactInvalid) as caught:
        loader.load(store, version, options(policy, **others))
    return caught.value.reason


def edit(folder, change):
    """Change the metadata, as whoever can write to the store may where versions are not signed."""
    path = folder / METADATA
    metadata = json.loads(path.read_bytes())
    change(metadata)
    path.write_text(json.dumps(metadata))


def put(folder, name, content):
    """A file with its hash in the metadata."""
    (folder / name).write_bytes(content)
    edit(folder, lambda metadata: metadata["files"].update({name: fingerprint(content)}))


def flip(content, chance):
    changed = bytearray(content)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def truncate(content, chance):
    return content[: chance.randrange(len(content))]


def test_signed_version_passes(store):
    assert loader.load(store, "v1", options(SIGNED)).engine.name == "onnx"


def test_two_hundred_damaged_files_are_refused_before_they_are_unpickled(store, folder):
    """Flipped bits, truncations and files of another version, over all files of a signed version."""
    chance = random.Random(SEED)
    names = sorted(path.name for path in folder.iterdir())
    assert {"model.pkl", "model.onnx", "preprocessing.json", METADATA, SIGNATURE} <= set(names)
    other = store.root / "model_v2"
    refused = {"flipped": 0, "truncated": 0, "swapped": 0}
    for number in range(200):
        name = names[number % len(names)]
        original = (folder / name).read_bytes()
        kind = ("flipped", "truncated", "swapped", "flipped")[number // len(names) % 4]
        damaged = (other / name).read_bytes() if kind == "swapped" else original
        if kind == "flipped":
            damaged = flip(original, chance)
        elif kind == "truncated" or damaged == original:  # both versions prepare their rows alike
            kind, damaged = "truncated", truncate(original, chance)
        (folder / name).write_bytes(damaged)
        # Verification alone: nothing of a rejected version is unpickled.
        with pytest.raises(ArtifactInvalid):
            verification.verify(store, "v1", SIGNED)
        (folder / name).write_bytes(original)
        refused[kind] += 1
    verification.verify(store, "v1", SIGNED)
    print(f"\nrefused: {refused}, {sum(refused.values())} of 200")
    assert sum(refused.values()) == 200


def test_a_file_swapped_for_a_malicious_pickle_is_not_unpickled(store, folder, tmp_path):
    (folder / "model.pkl").write_bytes(pickled(Canary(tmp_path / "canary")))
    refusal(store)
    refusal(store, SIGNED)
    assert not (tmp_path / "canary").exists()


def test_metadata_that_follows_the_swapped_file_is_refused_where_versions_are_signed(store, folder, tmp_path):
    put(folder, "model.pkl", pickled(Canary(tmp_path / "canary")))
    assert refusal(store, SIGNED, engine="sklearn") == "its signature does not match"
    assert not (tmp_path / "canary").exists()


def test_signed_files_under_another_name_are_refused(store, folder):
    shutil.copytree(folder, store.root / "model_v3")
    assert refusal(store, SIGNED, "v3") == "metadata is that of version 'v1'"


def test_unsigned_version_is_refused_where_a_key_is_set(store, folder):
    (folder / SIGNATURE).unlink()
    assert refusal(store, SIGNED) == "it is not signed"
    assert loader.load(store, "v1", options()).version == "v1"


def test_signature_of_another_key_is_refused(store):
    policy = verification.VerificationPolicy(Verifier(hmac_key="another key of this test"))
    assert refusal(store, policy) == "its signature does not match"


# --- files


@pytest.mark.parametrize("name", ["model.pkl", "model.onnx", "preprocessing.json"])
def test_symbolic_link_to_the_same_bytes_is_refused(store, folder, tmp_path, name):
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    assert refusal(store) == f"{name} is a symbolic link"


@pytest.mark.parametrize("name", [METADATA, SIGNATURE])
def test_document_behind_a_symbolic_link_is_refused_and_named(store, folder, tmp_path, name):
    (folder / SIGNATURE).write_text("{}")
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    assert refusal(store) == f"{name} cannot be read: it is a symbolic link"


def test_version_behind_a_symbolic_link_is_refused_and_named(store, folder, tmp_path):
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert refusal(store) == "metadata.json cannot be read: model_v1 is a symbolic link"
    assert store.versions() == ["v2", "v1"]
    store.remove("v1")
    assert (store.versions(), (tmp_path / "elsewhere" / METADATA).exists()) == (["v2"], True)


def test_pipe_in_place_of_metadata_is_refused_and_not_waited_for(store, folder):
    (folder / METADATA).unlink()
    os.mkfifo(folder / METADATA)
    assert refusal(store) == "metadata.json cannot be read: it is no regular file"


def test_200_megabytes_of_metadata_are_refused_unread(store, folder):
    os.truncate(folder / METADATA, 200_000_000)
    assert refusal(store) == "metadata.json cannot be read: it has more than 67108864 bytes"


def test_deeply_nested_metadata_is_refused(store, folder):
    (folder / METADATA).write_bytes(b"[" * 200_000)
    assert refusal(store) == "metadata.json is not valid JSON"


def test_pipe_in_place_of_a_file_is_refused_and_not_waited_for(store, folder):
    (folder / "model.pkl").unlink()
    os.mkfifo(folder / "model.pkl")
    assert refusal(store) == "model.pkl is no readable file"


def test_folder_in_place_of_a_file_is_refused(store, folder):
    (folder / "model.pkl").unlink()
    (folder / "model.pkl").mkdir()
    assert refusal(store) == "model.pkl is no readable file"


@pytest.mark.parametrize(
    "name",
    ["../model_v2/model.pkl", "/etc/passwd", "sub/model.pkl", "..", ".", "", "a\x00b", "a\\b", ".hidden",
     METADATA, SIGNATURE, "%2e%2e", "a" * 300],
)  # fmt: skip
def test_name_of_a_file_that_is_a_path_is_refused(store, folder, name):
    edit(folder, lambda metadata: metadata["files"].update({name: fingerprint(b"")}))
    assert refusal(store) == f"{name!r} is no name of a file of a version"


def external_onnx(location):
    """An ONNX model whose weights lie in another file."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from onnx.external_data_helper import set_external_data

    tensor = numpy_helper.from_array(np.ones((3, 2), dtype=np.float32), "weights")
    set_external_data(tensor, location)
    tensor.ClearField("raw_data")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["X", "weights"], ["Y"])],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 2])],
        [tensor],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    assert isinstance(model, onnx.ModelProto)
    return model.SerializeToString()


@pytest.mark.parametrize(
    "location", ["weights.bin", "../model_v2/model.onnx", "../../etc/passwd", "/etc/passwd"]
)
def test_onnx_file_with_external_data_is_refused(store, folder, location):
    put(folder, "model.onnx", external_onnx(location))
    assert refusal(store) == "model.onnx refers to external data"


@pytest.mark.parametrize(
    "key", [b"\x0a\x88\x00", b"\x0a\x88\x80\x00", b"\x8a\x00\x08", b"\x8a\x80\x00\x88\x00"]
)
def test_external_data_is_found_however_its_key_is_written(store, folder, key):
    """protobuf reads numbers with leading zeros, which it does not write."""
    content = external_onnx("weights.bin")
    assert content.count(b"\x0a\x08location") == 1
    put(folder, "model.onnx", content.replace(b"\x0a\x08location", key + b"location"))
    assert refusal(store) == "model.onnx refers to external data"


def test_graph_under_another_name_is_looked_at_too(store, folder):
    """The metadata says which file is loaded as a graph."""
    put(folder, "graph.bin", external_onnx("weights.bin"))
    edit(folder, lambda metadata: metadata["certificates"]["onnx"]["kernel"].update(file="graph.bin"))
    assert refusal(store) == "graph.bin refers to external data"


# --- what the metadata says


def test_metadata_nested_without_end_is_refused(store, folder):
    (folder / METADATA).write_bytes(b"[" * 200_000)
    assert refusal(store) == "metadata.json is not valid JSON"


def test_certificate_that_is_none_is_refused_and_not_a_failure(store, folder):
    edit(folder, lambda metadata: metadata["certificates"].update(onnx={"certified": True, "rules": 3}))
    assert refusal(store) == "loading raised KeyError"


def other_scikit_learn(metadata):
    metadata["libraries"]["scikit-learn"] = "0.24.0"


def not_compiled(metadata):
    metadata.update(engine="sklearn")
    other_scikit_learn(metadata)


def test_version_fitted_with_another_scikit_learn_is_refused(store, folder):
    edit(folder, not_compiled)
    assert refusal(store).startswith("it was fitted with scikit-learn 0.24.0, installed is ")


def test_certified_engine_serves_alone_under_another_scikit_learn(store, folder, caplog):
    edit(folder, other_scikit_learn)
    model = loader.load(store, "v1", options())
    assert model.engine.name == "onnx"
    assert model.alone.startswith("it was fitted with scikit-learn 0.24.0")
    assert any(record.message == "serving on its certified engine alone" for record in caplog.records)


def test_original_of_another_scikit_learn_is_not_read_where_it_is_asked_for(store, folder):
    edit(folder, other_scikit_learn)
    assert refusal(store, engine="sklearn").startswith("its original cannot serve: it was fitted with")


def test_engine_alone_is_judged_by_golden_rows_and_not_by_the_versions_of_its_libraries(store, folder):
    edit(folder, lambda metadata: (other_scikit_learn(metadata), void(metadata)))
    assert loader.load(store, "v1", options()).engine.name == "onnx"
    edit(folder, other_answers)
    assert refusal(store).startswith("golden rows: ")


def test_engine_alone_still_needs_todays_rules(store, folder):
    edit(folder, other_scikit_learn)
    edit(folder, lambda metadata: metadata["certificates"]["onnx"].update(rules=1))
    assert refusal(store).startswith("it was fitted with scikit-learn 0.24.0, installed is ")


def test_version_fitted_with_another_scikit_learn_may_be_let_in_with_a_warning(store, folder, caplog):
    edit(folder, other_scikit_learn)
    model = loader.load(store, "v1", options(verification.VerificationPolicy(sklearn_version="warn")))
    assert model.version == "v1"
    (flaw,) = [record for record in caplog.records if record.message == "version has a flaw"]
    assert flaw.reason.startswith("it was fitted with scikit-learn 0.24.0")


def other_answers(metadata):
    metadata["golden"]["values"] = [1 - value for value in metadata["golden"]["values"]]


def other_probabilities(metadata):
    metadata["golden"]["probabilities"][0] = [0.5, 0.5]


@pytest.mark.parametrize("change", [other_answers, other_probabilities])
def test_golden_rows_with_other_answers_are_refused(store, folder, change):
    edit(folder, change)
    assert refusal(store).startswith("golden rows: ")


def void(metadata):
    metadata["certificates"]["onnx"]["libraries"]["onnxruntime"] = "1.0.0"


def test_engine_whose_certificate_is_void_gives_way_to_scikit_learn(store, folder, caplog):
    edit(folder, void)
    assert loader.load(store, "v1", options()).engine.name == "sklearn"
    assert any("its certificate is void" in getattr(record, "reason", "") for record in caplog.records)


def test_engine_asked_for_with_a_void_certificate_is_refused(store, folder):
    edit(folder, void)
    assert "MODEL_ENGINE=onnx, but its certificate is void" in refusal(store, engine="onnx")


def test_a_file_longer_than_recorded_is_not_read(store, folder):
    """Three gigabytes of nothing cost a worker no memory."""
    os.truncate(folder / "model.pkl", 3 * 1024**3)
    said = "model.pkl does not match its recorded size"
    tracemalloc.start()
    try:
        assert said in refusal(store)
        with pytest.raises(ArtifactInvalid, match=said):
            store.read("v1", "model.pkl", store.metadata("v1"))
        assert tracemalloc.get_traced_memory()[1] < 100 * 1024**2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [2**62, -1, None, "5", True, 1.5, []])
def test_metadata_that_records_no_possible_size_is_refused(store, folder, size):
    metadata = json.loads((folder / METADATA).read_bytes())
    metadata["files"]["model.pkl"]["size"] = size
    (folder / METADATA).write_text(json.dumps(metadata))
    assert "model.pkl has no usable size in metadata.json" in refusal(store)
    with pytest.raises(ArtifactInvalid, match=r"model\.pkl has no usable size"):
        store.read("v1", "model.pkl", metadata)
