"""What was freed is kept for the next large arrays."""

import platform
import subprocess
import sys

import pytest

from tests.settings import ROOT

PAGE_FAULTS = """
import resource, sys
import numpy as np
from app.settings.process import keep_freed_memory

def page_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def predict():
    rows = np.ones((10_000, 20))
    return (rows - 1.0) / (rows + 1.0) + rows

if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(5):
    predict()
before = page_faults()
for _ in range(20):
    predict()
print(page_faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have rules of their own")
def test_large_arrays_get_the_pages_of_those_before():
    def faults(kept):
        command = [sys.executable, "-c", PAGE_FAULTS, kept]
        return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)

    assert faults("kept") < 0.1 * faults("given back")
