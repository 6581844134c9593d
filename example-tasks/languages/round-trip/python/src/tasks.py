"""The value in Python."""

from dataclasses import fields

from taskhost_task import log
from wit_world import exports
from wit_world.exports.tasks import Everything


class Tasks(exports.Tasks):
    def pass_(self, value: Everything) -> Everything:
        log.info(f"{value.text} in Python, {len(value.words)} words")
        return Everything(**{field.name: getattr(value, field.name) for field in fields(value)})

    def add_one(self, value: int) -> int:
        return (value + 1) % 2**32
