// The value in JavaScript.

import { log } from '@taskhost/task';

/** @type {import('../bindings/tasks').Tasks} */
export const tasks = {
  pass({ text, words, ...others }) {
    log.info(`${text} in JavaScript, ${words.length} words`);
    return { text, words, ...others };
  },

  addOne(value) {
    return (value + 1) >>> 0;
  },
};
