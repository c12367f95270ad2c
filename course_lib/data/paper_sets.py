"""The papers' own data sets: what their owners' page says of them, and what an archive holds.

``download.py`` fetches them.
"""

import os
import shutil
from pathlib import Path

from course_lib.data.images import printable
from course_lib.errors import CourseError

# Archives differ from that page, so the counts are shown and never relied on. MB: of the archive.
PAIRED = {
    "facades": "photo | labels (CMP Facades), usually yx; 400 train, 100 val, 106 test; 31 MB",
    "maps": "aerial photo | map (Google Maps), 600 px; 1096 train, 1098 val; 246 MB",
    "edges2shoes": "edges | photo (UT Zappos50K); about 50,000 train, 200 val; 2200 MB",
    "edges2handbags": "edges | photo (Amazon); about 137,000 train, 200 val; 8600 MB",
    "night2day": "night | day (Transient Attributes); about 20,000 train, val, test; 2000 MB",
}
UNPAIRED = {
    "horse2zebra": "horses, zebras (ImageNet); 939 and 1177 train; 117 MB",
    "apple2orange": "apples, oranges (ImageNet); 996 and 1020 train",
    "summer2winter_yosemite": "summer, winter in Yosemite (Flickr); 1273 and 854 train",
    "monet2photo": "paintings (WikiArt), photos (Flickr); 1074 and 6853 train",
    "cezanne2photo": "paintings (WikiArt), photos (Flickr); 584 and 6853 train",
    "ukiyoe2photo": "prints (WikiArt), photos (Flickr); 1433 and 6853 train",
    "vangogh2photo": "paintings (WikiArt), photos (Flickr); 401 and 6853 train",
    "iphone2dslr_flower": "flowers by telephone, by camera (Flickr); 1813 and 3316 train",
    "maps:unpaired": "aerial photos, maps (Google Maps); 1096 and 1096 train",
    "facades:unpaired": "photos, labels (CMP Facades), usually yx; 400 and 400 train",
    "mini": "two domains to try things out; a few",
    "mini_pix2pix": "pairs to try things out; a few",
}
CITYSCAPES = (
    "get gtFine_trainvaltest.zip and leftImg8bit_trainvaltest.zip from www.cityscapes-dataset.com,"
    " put photos into A/train and A/val, colour labels of the same names into B/train and B/val,"
    " and give that folder"
)
SOURCES = PAIRED | UNPAIRED
NOT_OFFERED = {  # what is wrong, and what to do
    "cityscapes": ("Cityscapes may no longer be passed on, only by its owner", CITYSCAPES),
    "ae_photos": ("it holds test photographs only", "give its pictures to course translate"),
    "mini_colorization": ("it holds single photographs", "make pairs: A/ grey, B/ in colour"),
}


def arranged(folder: Path, archive: Path) -> Path:
    """The folder in which train/, or trainA/ and trainB/, lie; val/ becomes test/ if there is none.

    ``folder`` has the contents of ``archive``. Some have no test images: then those of val, which
    papers report on, are the test split. Raises CourseError if it holds something else.
    """
    shutil.rmtree(folder / "__MACOSX", ignore_errors=True)
    inner = [path for path in folder.iterdir() if path.is_dir()]
    folder = inner[0] if len(inner) == 1 and inner[0].name != "train" else folder
    names = {path.name for path in folder.iterdir()}
    if not ("train" in names or {"trainA", "trainB"} <= names):
        raise CourseError(
            f"no train/, no trainA/ and trainB/ in this archive, but {sorted(names)[:5]!a}",
            printable(archive),
            "remove it and fetch the right one",
        )
    for side in ("", "A", "B"):
        if f"val{side}" in names and f"test{side}" not in names:
            os.rename(folder / f"val{side}", folder / f"test{side}")
    return folder
