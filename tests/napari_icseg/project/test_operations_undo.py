"""Whatever is done to the shapes of objects in whatever order, undo leads back through it."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_icseg.controllers import object_operations as operations
from napari_icseg.controllers.object_operations import NothingToDoError, Scene
from napari_icseg.project.records import NewObject, ObjectSource
from tests.napari_icseg.project.conftest import HEIGHT, WIDTH
from tests.napari_icseg.project.test_undo import everything
from trainers.io.rle import RleMask

SHAPE = (HEIGHT, WIDTH)
SHAPES = ("merge", "separate", "fill_holes", "smooth", "grow", "shrink", "keep_largest")
STEPS = st.lists(
    st.tuples(st.sampled_from((*SHAPES, "snap_to_edge", "cut", "split")), st.integers(0, 2**31)),
    min_size=1,
    max_size=6,
)


def blob(rng: np.random.Generator) -> RleMask:
    mask = np.zeros(SHAPE, bool)
    for _ in range(3):
        top, left = rng.integers(0, HEIGHT), rng.integers(0, WIDTH)
        mask[top : top + rng.integers(2, 12), left : left + rng.integers(2, 14)] = True
    mask[rng.integers(0, HEIGHT), rng.integers(0, WIDTH)] = False
    return RleMask.from_mask(mask)


def edit_of(name: str, objects, others, rng: np.random.Generator):
    if name == "cut":
        return operations.cut(objects, [tuple(rng.uniform(-3, 35, 2)) for _ in range(3)])
    if name == "split":
        seeds = [(int(r), int(c)) for r, c in rng.integers(0, 24, (8, 2))]
        return operations.split(objects, seeds, SHAPE)
    near = {
        record.id: tuple(o for o in (*objects, *others) if o.id != record.id) for record in objects
    }
    image = rng.integers(0, 255, SHAPE)
    return getattr(operations, name)(Scene(objects, near, SHAPE, lambda window: image[window]))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS, st.integers(0, 2**31))
def test_any_sequence_of_operations_is_undone_and_redone_exactly(project, steps, seed):
    rng = np.random.default_rng(seed)
    new = [NewObject(1 + n % 2, blob(rng), ObjectSource.MODEL, 0.5) for n in range(4)]
    project.add_objects(1, new)
    states = [everything(project)]
    for name, number in steps:
        rng = np.random.default_rng(number)
        records = project.objects(1)
        chosen = tuple(record for record in records if rng.random() < 0.6)
        others = tuple(record for record in records if record not in chosen)
        if not chosen:
            continue
        try:
            edit = edit_of(name, chosen, others, rng)
        except NothingToDoError:
            continue
        project.edit_objects(
            1, replace=edit.replace, delete=edit.delete, add=edit.add, based_on=chosen
        )
        states.append(everything(project))
    for state in reversed(states):
        assert everything(project) == state
        project.undo()
    for state in states:
        project.redo()
        assert everything(project) == state
    project.delete_objects([record.id for record in project.objects(1)])
