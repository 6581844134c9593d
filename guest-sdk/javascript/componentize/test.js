#!/usr/bin/env node
// `npm test` of a project in TypeScript: Node.js 20 does not run TypeScript, so the tests are bundled first. Arguments go to `node --test`.

import { spawn } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';

import { tool } from './tool.js';

const FOLDER = '.taskhost/tests';

const tests = (await readdir('tests', { recursive: true })).filter((name) => /\.test\.[jt]s$/.test(name));
await rm(FOLDER, { recursive: true, force: true });
await tool('esbuild').build({
  entryPoints: tests.map((name) => path.join('tests', name)),
  outdir: FOLDER,
  outbase: 'tests',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Tests and tasks have to meet the same fake host.
  splitting: true,
  sourcemap: 'inline',
  logLevel: 'warning',
});
const files = tests.map((name) => path.join(FOLDER, name.replace(/\.[jt]s$/, '.mjs')));
const node = spawn(process.execPath, ['--enable-source-maps', '--test', ...process.argv.slice(2), ...files], { stdio: 'inherit' });
node.on('exit', (code) => process.exit(code ?? 1));
