// The module that the component is made of: the author's functions, guarded.

import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { camel, pascal } from './world.js';

const RUNTIME = fileURLToPath(new URL('runtime/', import.meta.url));

export function entry(world, source) {
  const file = (place) => JSON.stringify(place.replaceAll(path.sep, '/'));
  const lines = [
    `import ${file(`${RUNTIME}globals.js`)};`,
    `import * as author from ${file(source)};`,
    `import { guarded, guardedExport } from ${file(`${RUNTIME}guard.js`)};`,
  ];
  for (const each of world.exports) {
    const name = camel(each.name);
    const resources = Object.keys(each.types).filter((type) => world.wit.resolved.types[each.types[type]].kind === 'resource');
    const classes = resources.map((type) => `${pascal(type)}: author.${name}.${pascal(type)}, `).join('');
    const free = each.functions.filter((fn) => fn.resource === undefined);
    const signatures = Object.fromEntries(free.map((fn) => [camel(fn.name), signature(world.wit, fn)]));
    lines.push(`export const ${name} = { ${classes}...guarded('${name}', author.${name}, ${JSON.stringify(signatures)}) };`);
  }
  // A task may be called as a word of JavaScript.
  for (const [index, fn] of world.functions.entries()) {
    const name = camel(fn.name);
    lines.push(`const plain${index} = guardedExport('${name}', author.${name}, ${JSON.stringify(signature(world.wit, fn))});`);
    lines.push(`export { plain${index} as ${name} };`);
  }
  return `${lines.join('\n')}\n`;
}

function signature(wit, fn) {
  return {
    parameters: fn.params.map((each) => wit.shape(each.type)),
    ok: wit.shape(fn.result),
    hasErr: fn.hasErr,
    err: wit.shape(fn.err),
    isAsync: fn.isAsync,
  };
}
