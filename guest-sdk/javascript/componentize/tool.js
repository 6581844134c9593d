// Tools come from the project, wherever this folder is: it may be a link.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { Mistake } from './mistake.js';

const ofProject = createRequire(path.resolve('package.json'));

export function tool(name) {
  try {
    return ofProject(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND' || !error.message.includes(`'${name}'`)) throw error;
    throw missing(name);
  }
}

/** The same for a package that can only be imported, by the file to import. */
export async function moduleTool(name, file) {
  const place = path.resolve('node_modules', name, file);
  if (!existsSync(place)) throw missing(name);
  return import(pathToFileURL(place));
}

const missing = (name) =>
  new Mistake(`there is no ${name} in \`node_modules\`: \`taskhost build --install\` gets what \`package.json\` names`);
