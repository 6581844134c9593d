// How a mistake ends a task run: its message and its stack go to stderr, where the host looks for them, and then the component traps.

import { getStderr } from 'wasi:cli/stderr@0.2.0';

import { placed } from './trace.js';

/** What stderr takes at once. */
const MOST = 4096;

/** The host keeps the end of what was said: all of it has to fit. */
const TITLE_MOST = 2000;
const FRAMES_MOST = 20;

export function stderr(text) {
  const stream = getStderr();
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += MOST) stream.blockingWriteAndFlush(bytes.subarray(at, at + MOST));
}

export function die(error) {
  // The form that the host knows: it shows the last line first, and all of it below.
  const { title, details } = described(error);
  stderr(['Traceback (most recent call last):', ...details, title, ''].join('\n'));
  // To give stderr more than it takes at once is a trap. An exception would be an `err`, or a panic of the engine.
  getStderr().blockingWriteAndFlush(new Uint8Array(MOST + 1));
  throw error;
}

function described(error) {
  if (!(error instanceof Error)) return { title: short(`thrown: ${String(error)}`), details: [] };
  const [title, ...more] = String(error).split('\n');
  const frames = placed(error.stack ?? '').slice(0, FRAMES_MOST).toReversed();
  const cause = error.cause === undefined ? [] : [`  caused by ${String(error.cause)}`];
  const details = [...frames, ...more.map((line) => `  ${line}`), ...cause];
  return { title: short(title), details: details.map(short) };
}

const short = (text) => (text.length <= TITLE_MOST ? text : `${text.slice(0, TITLE_MOST)} …`);
