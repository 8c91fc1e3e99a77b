"""An account says in one line what was taken and what was passed over."""

from compofa_deploy.data.account import Account, PassedOverCounter


def test_files_are_counted_by_kind_with_the_first_path():
    counter = PassedOverCounter()
    for kind, path in (("notes", "b.txt"), ("links", "z"), ("notes", "a.txt")):
        counter.add(kind, path)
    assert [str(passed) for passed in counter.list_kinds()] == [
        "links: 1 (first: z)",
        "notes: 2 (first: a.txt)",
    ]
    account = Account("train", 20, 2, counter.list_kinds(), "this is a note")
    assert account.describe() == (
        "train: 20 images of 2 classes; passed over links: 1 (first: z), notes: 2 (first: a.txt); this is a note"
    )


def test_nothing_passed_over_is_not_said():
    assert Account("val", 3, 1).describe() == "val: 3 images of 1 classes"
