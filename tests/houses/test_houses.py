"""The renderer of houses: the same pictures everywhere, and a truth that is one."""

import hashlib

import numpy as np
import pytest

from course_lib.houses.layout import CLASSES, Draw, layout
from course_lib.houses.render import Style, render
from tests.support.processes import python

FINGERPRINT = "c0c422d9109c7cd3c54c7f59af5c98446e618a2b018e44ab36d02a0e21052133"


def fingerprint():
    """SHA-256 over photographs, labels and instances at several sizes, all materials and times."""
    sha = hashlib.sha256()
    for i, size in enumerate((16, 64, 64, 96, 128, 256)):
        style = Style.draw(Draw("golden", i), brick=bool(i % 2), time=i / 5)
        for array in render(layout("golden", i), style, size, 7 * i):
            sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def test_the_same_pictures_on_every_machine():
    assert fingerprint() == FINGERPRINT


@pytest.mark.extra
def test_the_same_pictures_on_a_processor_without_vector_units():
    off = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR AVX2 FMA3"
    code = "import tests.houses.test_houses as t; print(t.fingerprint())"
    told = {"NPY_DISABLE_CPU_FEATURES": f"{off} X86_V3 X86_V4", "COURSE_NO_SHAPE_CHECK": "1"}
    assert python(code, **told).stdout.strip() == FINGERPRINT


@pytest.mark.slow
def test_every_class_appears_and_objects_have_their_own_number():
    windows, classes = [], np.zeros(len(CLASSES), int)
    for house in range(60):
        style = Style.draw(Draw("classes", house))
        _, labels, instances = render(layout("val", house), style, 64, house)
        classes += np.bincount(labels.ravel(), minlength=len(CLASSES)) > 0
        for number in np.unique(instances):
            assert len(np.unique(labels[instances == number])) == 1  # an object is of one class
        windows.append(len(np.unique(instances[labels == CLASSES.index("window")])))
        assert (instances[labels == 0] == 0).all()
        assert max(box.instance for box in layout("val", house)) < 256
    assert classes.min() >= 5 and min(windows) >= 2 and max(windows) >= 12
