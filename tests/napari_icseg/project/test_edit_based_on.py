"""An edit that was computed from objects is saved only if they still are what they were."""

from __future__ import annotations

import pytest

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ObjectSource
from tests.napari_icseg.project.conftest import square
from tests.napari_icseg.project.test_undo import everything


@pytest.mark.parametrize(
    "change",
    [
        lambda p, key: p.replace_mask(key, square(3, 3)),
        lambda p, key: p.set_class([key], 2),
        lambda p, key: p.delete_objects([key]),
        lambda p, _key: p.undo(),
    ],
    ids=["mask", "class", "deleted", "undone"],
)
def test_an_edit_of_what_changed_meanwhile_is_refused_and_changes_nothing(project, change):
    record = project.add_object(1, 1, square(1, 1), ObjectSource.MANUAL)
    change(project, record.id)
    before, history = everything(project), project.history()
    with pytest.raises(ProjectError, match="meanwhile"):
        project.edit_objects(1, replace={record.id: square(8, 8)}, based_on=[record])
    assert everything(project) == before
    assert project.history() == history


def test_an_edit_of_what_is_as_it_was_is_saved(project):
    record = project.add_object(1, 1, square(1, 1), ObjectSource.MANUAL)
    project.edit_objects(1, replace={record.id: square(8, 8)}, based_on=[record])
    assert project.object_by_id(record.id).mask == square(8, 8)
