"""The drawings of the documentation are those that the program writes, and well formed."""

from xml.etree import ElementTree

import pytest

from tools.drawings import DRAWINGS, IMAGES, WIDTH, svg


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_is_what_the_program_writes(name):
    assert (IMAGES / f"{name}.svg").read_text() == svg(name)


@pytest.mark.parametrize("name", DRAWINGS)
def test_everything_lies_within_the_drawing_and_follows_the_palette(name):
    root = ElementTree.fromstring(svg(name))
    height = int(root.get("height"))
    boxes = root.findall("{http://www.w3.org/2000/svg}rect")
    assert len(boxes) > 5
    for box in boxes:
        assert int(box.get("x")) + int(box.get("width")) <= WIDTH
        assert int(box.get("y")) + int(box.get("height")) <= height
    assert "prefers-color-scheme: dark" in svg(name)


def test_every_image_is_drawn():
    assert {path.stem for path in IMAGES.glob("*.svg")} == set(DRAWINGS)
