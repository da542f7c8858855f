"""The number in the name of a group: what «ИУ5-61Б» counts as in a formula."""

import re
from enum import StrEnum
from functools import lru_cache

from variants.errors import VariantsError

# An optional word or department (ИУ5, РТ5, ИУ5Ц, «группа») set off by a dash or a space; the number; an optional letter (Б, М).
_GROUP = re.compile(r"(?:[^\W\d_]+\d*[^\W\d_]*\.?[\s\-‐‑‒–—−_№]+|№\s*)?(\d{1,4})\s*[^\W\d_]*")


class GroupIs(StrEnum):
    """What a rule means by the number of a group.

    `printed` is the number in the group's name: ИУ5-61Б is 61. `ordinal` is its last digit, which counts the groups of one
    semester: 61 is group 1 of the sixth semester, so 1; a number of one digit is the ordinal itself.
    """

    PRINTED = "printed"
    ORDINAL = "ordinal"


@lru_cache(maxsize=4096)
def group_number(group: str, group_is: GroupIs) -> int:
    """Return the number of the group called `group`; raises VariantsError when the name has none."""
    match = _GROUP.fullmatch(group)
    if match is None:
        raise VariantsError(
            f'the group "{group}" does not parse' if group else "no group is given",
            remedy="Write groups as ИУ5-61Б, 61Б or 61.",
        )
    printed = int(match.group(1))
    if group_is is GroupIs.PRINTED:
        return printed
    ordinal = printed % 10
    if ordinal == 0:
        raise VariantsError(
            f'the group "{group}" has no ordinal (its last digit is 0)',
            remedy="Write the ordinal alone in the roster, or use --group-is printed.",
        )
    return ordinal
