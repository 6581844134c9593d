// The value in TypeScript.

import { log } from '@taskhost/task';

import type { Tasks } from '../bindings/tasks';

export const tasks: Tasks = {
  pass({ text, words, ...others }) {
    log.info(`${text} in TypeScript, ${words.length} words`);
    return { text, words, ...others };
  },

  addOne(value) {
    return (value + 1) >>> 0;
  },
};
