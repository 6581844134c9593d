// From a project's sources to its component. `taskhost build` runs it in the project's folder:
//
//     node sdk/componentize/build.js --wit-json .taskhost/build/wit.json --world NAME --out .taskhost/build/NAME.wasm
//
// `--wit-json` is the project's `wit/`, resolved, as `wasm-tools component wit wit --json` prints it. With `--types` only, it writes the types in
// `bindings/` and stops.
//
// The engine is QuickJS, or StarlingMonkey, which has `fetch`, if `package.json` names its package.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { bundle } from './bundle.js';
import { entry } from './entry.js';
import { Mistake } from './mistake.js';
import { moduleTool, tool } from './tool.js';
import { writeTypes } from './types.js';
import { readWorld } from './world.js';
import { withOwnImports } from './wit.js';
import { placed } from './runtime/trace.js';

const ENTRIES = ['src/tasks.ts', 'src/tasks.js'];

const STARLING_MONKEY = '@bytecodealliance/componentize-js';

const { values: options } = parseArgs({
  options: {
    'wit-json': { type: 'string' },
    wit: { type: 'string', default: 'wit' },
    world: { type: 'string' },
    out: { type: 'string' },
    work: { type: 'string', default: '.taskhost/build' },
    types: { type: 'boolean', default: false },
  },
});

try {
  await build();
} catch (error) {
  if (!(error instanceof Mistake)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function build() {
  const resolved = JSON.parse(await readFile(options['wit-json'], 'utf8'));
  const world = readWorld(resolved, options.world, await engine());
  await writeTypes(world, 'bindings');
  if (options.types) return;
  const source = ENTRIES.find((each) => existsSync(each));
  if (source === undefined) throw new Mistake(`there is neither ${ENTRIES.join(' nor ')}`);
  await mkdir(options.work, { recursive: true });
  const entryFile = path.join(options.work, 'entry.js');
  await writeFile(entryFile, entry(world, path.resolve(source)));
  const { code, map } = await bundle(entryFile, world);
  await writeFile(path.join(options.work, 'bundle.js'), code);
  const wit = path.join(options.work, 'wit');
  await rm(wit, { recursive: true, force: true });
  const worldName = await withOwnImports(world, options.wit, wit);
  await mkdir(path.dirname(options.out), { recursive: true });
  const made = { wit, worldName, isAsync: world.isAsync, bundle: path.join(options.work, 'bundle.js') };
  const component = world.engine === 'starlingmonkey' ? await byStarlingMonkey(made) : await byQuickJs(code, map, made);
  await writeFile(options.out, component);
}

async function engine() {
  const { dependencies, devDependencies } = JSON.parse(await readFile('package.json', 'utf8'));
  return STARLING_MONKEY in { ...dependencies, ...devDependencies } ? 'starlingmonkey' : 'quickjs';
}

/** QuickJS runs the module up to its end, and its memory becomes the component's. */
async function byQuickJs(code, map, { wit, worldName, isAsync }) {
  const { componentize } = tool('componentize-qjs');
  try {
    const made = await componentize({ witPath: wit, world: worldName, jsSource: code, sync: !isAsync });
    return made.component;
  } catch (error) {
    throw explained(String(error.message ?? error), map);
  }
}

/** Firefox's engine, with the web's interfaces. What it says about a module that cannot be loaded goes to stderr. */
async function byStarlingMonkey({ wit, worldName, bundle }) {
  const { componentize } = await moduleTool(STARLING_MONKEY, 'src/componentize.js');
  const made = await componentize({ sourcePath: bundle, witPath: wit, worldName, disableFeatures: ['fetch-event'] });
  return made.component;
}

function explained(text, map) {
  const imported = /unknown import: `([^`]+?)(?:@[^`#]*)?(?:#([^`]*))?` has not been defined/.exec(text);
  if (imported) {
    const [, from, what] = imported;
    return new Mistake(
      `the module calls \`${what}\` of \`${from}\` while it is loaded: that happens once, while the component is built. ` +
        'Only inside of a task there is a host to call',
    );
  }
  const reason = /Failed to (?:finish|declare|evaluate) JavaScript module(?: evaluation)?: ([^]*)/.exec(text)?.[1];
  if (reason === undefined) return new Mistake(text);
  const [title] = reason.split(/\n\s+at /);
  const frames = placed(reason, map);
  return new Mistake([`the module could not be loaded: ${title}`, ...frames].join('\n').trimEnd());
}
