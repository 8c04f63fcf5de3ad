"""Thirty pickles that run code: a version that holds one is refused before any of it is read.

The signature is the protection. No scanner is used, because each of these gets past some scanner: functions
out of modules that nobody lists, compression, an archive with a wrong checksum.
"""

import gzip
import io
import lzma
import pickle
import shutil
import zipfile
import zlib
from pathlib import Path

import pytest

from app.exceptions import ArtifactInvalid
from app.models.loading import loader, verification
from app.models.loading.signing import Verifier
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from app.models.untrusted.reading import ImportRefused, read_estimator
from tests.app.models.loading.test_verification import put
from tests.estimators import BOXES, SumRegressor, fitted

POLICY = verification.VerificationPolicy(Verifier(hmac_key="a signing key of this test"))
SIGNED = loader.LoadingOptions(admission=POLICY)

# Unpickles each file named, whatever comes of it.
CONTROL = """
import pickle, sys, warnings
warnings.simplefilter("ignore")
for path in sys.argv[1:]:
    try:
        pickle.load(open(path, "rb"))
    except BaseException:
        pass
"""


def call(name, *arguments):
    """A pickle that calls a function by name, whether this Python has it or not."""
    module, _, function = name.rpartition(".")
    return f"c{module}\n{function}\n".encode() + pickle.dumps(arguments, 0)[:-1] + b"R."


def direct(canary):
    """Pickles that touch the canary, as they are; those that this Python does not have among them."""
    shell, python = f"touch {canary}", f"open({str(canary)!r}, 'w').close()"
    words = ["touch", str(canary)]
    return {
        "os.system": call("os.system", shell),
        "posix.system": call("posix.system", shell),
        "os.spawnvp": call("os.spawnvp", 0, "touch", words),
        "posix.posix_spawn": call("posix.posix_spawn", shutil.which("touch"), words, {}),
        "subprocess.run": call("subprocess.run", words),
        "subprocess.Popen": call("subprocess.Popen", words),
        "subprocess.getoutput": call("subprocess.getoutput", shell),
        "subprocess.check_output": call("subprocess.check_output", words),
        "builtins.eval": call("builtins.eval", python),
        "builtins.exec": call("builtins.exec", python),
        "builtins.open": call("builtins.open", str(canary), "w"),
        "io.open": call("io.open", str(canary), "w"),
        "os.mkdir": call("os.mkdir", str(canary)),
        "os.mkfifo": call("os.mkfifo", str(canary)),
        "os.symlink": call("os.symlink", "/", str(canary)),
        "shutil.copy": call("shutil.copy", "/dev/null", str(canary)),
        "cProfile.run": call("cProfile.run", python),
        "timeit.timeit": call("timeit.timeit", python),
        "pickle.loads": call("pickle.loads", call("os.system", shell)),
        "imaplib.IMAP4_stream": call("imaplib.IMAP4_stream", shell),
        "_osx_support._read_output": call("_osx_support._read_output", shell),
        "_pyrepl.pager.pipe_pager": call("_pyrepl.pager.pipe_pager", "", shell),
        "pip.main": call("pip.main", ["install", str(canary)]),
        "runpy.run_path": call("runpy.run_path", str(canary)),
        "codecs.open": call("codecs.open", str(canary), "w"),
        "ctypes.CDLL": call("ctypes.CDLL", str(canary)),
    }


def disguised(content):
    """One of them in forms that joblib and others read, or that scanners give up on."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", content)
    stored = archive.getvalue()
    wrong = zlib.crc32(content) ^ 1
    return {
        "zlib": zlib.compress(content),
        "gzip": gzip.compress(content),
        "xz": lzma.compress(content),
        "zip with a wrong checksum": stored.replace(
            zlib.crc32(content).to_bytes(4, "little"), wrong.to_bytes(4, "little")
        ),
    }


def payloads(folder):
    return direct(folder / "canary") | disguised(call("os.system", f"touch {folder / 'canary'}"))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    store = ModelStore(tmp_path_factory.mktemp("malicious"))
    publish(store, fitted(SumRegressor()), sample=BOXES, version="v1")
    return store


def test_thirty_payloads_in_unsigned_versions_are_not_unpickled(published, tmp_path):
    store = ModelStore(Path(shutil.copytree(published.root, tmp_path / "models")))
    found = payloads(tmp_path)
    assert len(found) == 30
    refused = 0
    for content in found.values():
        put(store.folder("v1"), "model.pkl", content)  # with its own hash: only the signature is missing
        with pytest.raises(ArtifactInvalid, match="it is not signed"):
            loader.load(store, "v1", SIGNED)
        assert not (tmp_path / "canary").exists()
        refused += 1
    print(f"\n{refused} of {len(found)} payloads refused unread, 0 canaries")


@pytest.mark.parametrize(
    "name", ["model.pkl", "model.joblib", "model.skops", "model.onnx", "model.zip", "model"]
)
def test_thirty_payloads_are_not_imported_without_trust(tmp_path, name):
    for content in payloads(tmp_path).values():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImportRefused):
            read_estimator(tmp_path / name, trust=False)
        assert not (tmp_path / "canary").exists()
