"""``compofa run``: images and folders of them are classified."""

from PIL import Image

from tests.compofa_deploy.export.builders import flip_byte


def test_an_image_is_classified(compofa, bundle, photo):
    ran = compofa("run", bundle, photo, "--top", "2", "--json")
    assert ran.code == 0
    (found,) = ran.json["images"]
    assert found["image"] == str(photo)
    assert [set(label) for label in found["labels"]] == [{"label", "probability"}] * 2
    assert found["labels"][0]["label"] in compofa("run", bundle, photo).out


def test_an_image_that_cannot_be_read_is_bad_input(compofa, bundle, photo, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    ran = compofa("run", bundle, photo, tmp_path / "broken.png", "--json")
    assert ran.code == 2
    assert "broken.png: not an image that can be read" in ran.error
    assert ran.out == ""


def test_a_bundle_that_was_damaged_does_not_run(compofa, bundle, photo):
    flip_byte(bundle / "model.onnx", 200)
    ran = compofa("run", bundle, photo)
    assert ran.code == 1
    assert "was changed or damaged" in ran.error


def test_a_folder_is_all_of_its_images_by_name(compofa, bundle, tmp_path):
    place = tmp_path / "photos"
    (place / "more").mkdir(parents=True)
    (place / ".hidden").mkdir()
    for name in ("b.png", "a.png", "more/c.png", ".hidden/d.png"):
        Image.new("RGB", (20, 16)).save(place / name)
    (place / "notes.txt").write_text("no image")
    ran = compofa("run", bundle, place, "--json")
    assert ran.code == 0
    assert [found["image"] for found in ran.json["images"]] == [
        str(place / name) for name in ("a.png", "b.png", "more/c.png")
    ]


def test_a_folder_without_images_is_bad_input(compofa, bundle, tmp_path):
    (tmp_path / "empty").mkdir()
    ran = compofa("run", bundle, tmp_path / "empty")
    assert ran.code == 2
    assert "empty: has no images; these end in .jpg" in ran.error
