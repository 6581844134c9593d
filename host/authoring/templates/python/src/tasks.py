"""The tasks of {{name}}: a class for each interface of the WIT, with a method for each function."""

from taskhost_task import Err, log
from wit_world import exports
from wit_world.exports.tasks import Greeting, Person


class Tasks(exports.Tasks):
    def greet(self, person: Person) -> Greeting:
        """Greets somebody; a person without a name is an error."""
        if not person.name.strip():
            raise Err("a person needs a name")
        log.info(f"greeting {person.name}")
        age = "" if person.age is None else f", {person.age} years old"
        text = f"Hello, {person.name}{age}!"
        return Greeting(text=text, letters=len(text))
