from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from trainers.io.images import image_size, read_image, to_unit

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "real_sem"
IMAGES = sorted(FOLDER.glob("*.png")) + sorted(FOLDER.glob("*.jpg")) + sorted(FOLDER.glob("*.tif*"))


@pytest.mark.skipif(not IMAGES, reason="the real SEM images are not beside this checkout")
def test_real_sem_images_are_read_as_opencv_reads_them():
    for path in IMAGES:
        image = read_image(path)
        reference = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
        assert image.shape == image_size(path) == reference.shape
        # one grey value of rounding where the file is in colour
        assert np.abs(image.astype(int) - reference).max() <= 1
        assert 0 < to_unit(image).mean() < 1
