// Tools come from the project, wherever this folder is: it may be a link.

import { createRequire } from 'node:module';
import path from 'node:path';

import { Mistake } from './mistake.js';

const ofProject = createRequire(path.resolve('package.json'));

export function tool(name) {
  try {
    return ofProject(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND' || !error.message.includes(`'${name}'`)) throw error;
    throw new Mistake(`there is no ${name} in \`node_modules\`: \`taskhost build --install\`, or \`npm install\`, gets it`);
  }
}
