// One module of all that the author's imports, TypeScript or JavaScript, with a source map inside for the stacks of mistakes.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtinModules } from 'node:module';

import { Mistake } from './mistake.js';
import { tool } from './tool.js';

const SDK = fileURLToPath(new URL('..', import.meta.url));
const OF_WIT = /^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*\/[a-z0-9-]+(@.*)?$/;

export async function bundle(entryFile, world) {
  const built = await run(entryFile, world);
  refuseUnknown(built.metafile, world);
  const [code, map] = ['.js', '.map'].map((ending) => built.outputFiles.find((file) => file.path.endsWith(ending)).text);
  const compact = compacted(JSON.parse(map), path.dirname(entryFile));
  const kept = `;globalThis[Symbol.for('taskhost.map')] = ${JSON.stringify(compact)};\n`;
  return { code: code + kept, map: compact };
}

async function run(entryFile, world) {
  try {
    return await tool('esbuild').build({
      entryPoints: [entryFile],
      outdir: path.dirname(entryFile),
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      conditions: ['taskhost', 'import', 'module'],
      target: 'es2024',
      charset: 'utf8',
      keepNames: false,
      sourcemap: 'external',
      sourcesContent: false,
      define: { 'process.env.NODE_ENV': '"production"', 'TASKHOST_ENGINE': JSON.stringify(world.engine) },
      minifySyntax: true,
      // Ours says what is missing better than esbuild does.
      logOverride: { 'import-is-undefined': 'silent' },
      logLevel: 'warning',
      plugins: [ours(world)],
    });
  } catch (error) {
    if (!error.errors) throw error;
    // esbuild has shown them already.
    throw new Mistake(`esbuild found ${error.errors.length === 1 ? 'a mistake' : `${error.errors.length} mistakes`}`);
  }
}

/** How names of imports are understood. */
const ours = (world) => ({
  name: 'taskhost',
  setup(build) {
    build.onResolve({ filter: OF_WIT }, ({ path: id }) =>
      id.startsWith('node:') ? missing(id) : { path: id, external: true, sideEffects: false },
    );
    build.onResolve({ filter: /^#console$/ }, () => ({
      path: path.join(SDK, `componentize/runtime/console-${world.hasLog ? 'log' : 'stderr'}.js`),
    }));
    // Whether npm has linked it or not.
    build.onResolve({ filter: /^@taskhost\/task$/ }, () => ({ path: path.join(SDK, 'src/index.js'), sideEffects: false }));
    const names = builtinModules.filter((name) => !name.startsWith('_')).join('|');
    build.onResolve({ filter: new RegExp(`^(node:.*|(${names})(/.*)?)$`) }, async ({ path: id, resolveDir, kind, pluginData }) => {
      if (id.startsWith('node:') || pluginData === 'looked') return id.startsWith('node:') ? missing(id) : undefined;
      // A package may be called as a module of Node.js.
      const found = await build.resolve(id, { resolveDir, kind, pluginData: 'looked' });
      return found.errors.length > 0 ? missing(id) : found;
    });
  },
});

/** Only what is used counts: the SDK has more than a world may want. */
function refuseUnknown({ outputs, inputs }, world) {
  const known = new Set([...world.imports.map((each) => each.id), ...OWN]);
  const used = Object.values(outputs).flatMap((output) => output.imports.map((each) => each.path));
  const unknown = used.find((id) => OF_WIT.test(id) && !known.has(id));
  if (unknown === undefined) return;
  const [importer] = Object.entries(inputs).find(([, input]) => input.imports.some((each) => each.path === unknown)) ?? [''];
  const isOfSdk = path.resolve(importer).startsWith(SDK);
  const add = unknown.startsWith('taskhost:task/') ? 'include taskhost:task/imports@0.1.0;' : `import ${unknown};`;
  throw new Mistake(
    `${isOfSdk ? 'what the tasks use of `@taskhost/task`' : `\`${importer}\``} imports \`${unknown}\`, which the world does not: ` +
      `add \`${add}\` to \`wit/world.wit\``,
  );
}

/** What `wit.js` adds to the world. */
const OWN = ['wasi:cli/stderr@0.2.0', 'wasi:random/insecure@0.2.0'];

const missing = (id) => ({
  errors: [{ text: `\`${id}\` is a module of Node.js, and there is no Node.js where a task runs: use a package without it` }],
});

/** Only what frames need, with paths from the project's folder on; a source of ours is null. */
function compacted({ mappings, sources }, folder) {
  const shown = sources.map((source) => {
    const absolute = path.resolve(folder, source);
    const isOurs = absolute.startsWith(SDK) || absolute === path.resolve(folder, 'entry.js');
    return isOurs ? null : path.relative('.', absolute).replaceAll(path.sep, '/');
  });
  return { sources: shown, mappings };
}
