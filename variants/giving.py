"""Ask a rule for the classes of several students: one by one, or, where nobody may have another's set, all together."""

from collections.abc import Iterator, Mapping, Sequence

from variants.errors import VariantsError
from variants.group import GroupIs
from variants.roster import Student, label
from variants.rule import Rule

Said = tuple[int, ...] | VariantsError


def give(
    students: Sequence[Student],
    rule: Rule,
    *,
    assignment: str = "",
    secret: bytes | None = None,
    group_is: GroupIs | None = None,
    stream: str = "",
    kept: Mapping[str, Sequence[int]] | None = None,
) -> Iterator[tuple[Student, Said]]:
    """Yield every student with the classes that `rule` gives as it stands, or with the error that names what the student lacks.

    `kept` are the sets that some have already, by the id in lower case: they matter where the rule gives each set once. The rest is
    as in `Rule.classes_for` and `balance.deal`, and an error that is not one student's is raised.
    """
    if rule.wanted is not None:
        # Only such a rule computes with arrays: who uses this house alone does without numpy for the others. (The command has it anyway.)
        from variants.balance import allowed_sets, deal
        from variants.difficulty import load_difficulty

        key = rule.key(assignment, secret)
        ids = [student.id for student in students]
        dealt = deal(rule, allowed_sets(rule, load_difficulty()), ids, assignment=assignment, secret=key, kept=kept or {})
        yield from zip(students, dealt, strict=True)
        return
    for student in students:
        try:
            yield student, rule.classes_for(student, group_is=group_is, assignment=assignment, secret=secret, stream=stream)
        except VariantsError as error:
            if error.where != label(student):
                raise
            yield student, error
