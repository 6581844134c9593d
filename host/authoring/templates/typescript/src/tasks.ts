// The tasks of {{name}}: an object for each interface of the WIT, with a function for each of its functions.

import { TaskError, log } from '@taskhost/task';

import type { Tasks } from '../bindings/tasks';

export const tasks: Tasks = {
  greet(person) {
    if (person.name.trim() === '') throw new TaskError('a person needs a name');
    log.info(`greeting ${person.name}`);
    const age = person.age == null ? '' : `, ${person.age} years old`;
    const text = `Hello, ${person.name}${age}!`;
    return { text, letters: [...text].length };
  },
};
