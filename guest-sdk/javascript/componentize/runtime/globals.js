// What authors expect to be there and QuickJS has not: `console`, UTF-8, and random numbers that differ.

import { getInsecureRandomBytes } from 'wasi:random/insecure@0.2.0';
import { write } from '#console';

import { isQuickJs } from './engine.js';
import { isTask } from './phase.js';
import { placed } from './trace.js';

// StarlingMonkey's has no levels, and knows nothing of the log.
globalThis.console = makeConsole();
globalThis.TextEncoder ??= class TextEncoder {
  get encoding() {
    return 'utf-8';
  }

  // Each step is a function of the engine: a loop over the letters would take several times as long.
  encode(text = '') {
    return Uint8Array.fromBase64(btoa(unescape(encodeURIComponent(String(text).toWellFormed()))));
  }
};
globalThis.TextDecoder ??= makeTextDecoder();
if (isQuickJs) Math.random = makeRandom();

function makeConsole() {
  const at = (level) => (...values) => {
    // Nobody listens while the component is built.
    if (isTask()) write(level, values.map(shown).join(' ').toWellFormed());
  };
  return {
    log: at('info'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    debug: at('debug'),
    trace: at('trace'),
    assert(condition, ...values) {
      if (!condition) console.error('assertion failed:', ...values);
    },
  };
}

function shown(value) {
  if (value instanceof Error) return [String(value), ...placed(value.stack ?? '')].join('\n');
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return JSON.stringify(value, readable);
  } catch {
    return String(value);
  }
}

function readable(_key, value) {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)) return [...value];
  return value;
}

function makeTextDecoder() {
  const CHUNK = 8192;
  return class TextDecoder {
    #rest = [];
    #isStart = true;

    constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
      if (!/^\s*utf-?8\s*$/i.test(label)) throw new RangeError(`this TextDecoder knows UTF-8 only, not ${label}`);
      Object.assign(this, { encoding: 'utf-8', fatal, ignoreBOM });
    }

    decode(data = new Uint8Array(), { stream = false } = {}) {
      const isView = ArrayBuffer.isView(data);
      let bytes = isView ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
      if (this.#rest.length > 0) {
        const all = new Uint8Array(this.#rest.length + bytes.length);
        all.set(this.#rest);
        all.set(bytes, this.#rest.length);
        bytes = all;
      }
      // What a piece ends with may be the beginning of a letter.
      const whole = stream ? bytes.length - unfinished(bytes) : bytes.length;
      this.#rest = [...bytes.subarray(whole)];
      let text = this.#text(bytes.subarray(0, whole));
      if (this.#isStart && !this.ignoreBOM && text.startsWith('\ufeff')) text = text.slice(1);
      this.#isStart = stream ? this.#isStart && whole === 0 : true;
      return text;
    }

    #text(bytes) {
      let latin = '';
      for (let at = 0; at < bytes.length; at += CHUNK) {
        latin += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK));
      }
      if (!/[\x80-\xff]/.test(latin)) return latin;
      try {
        return decodeURIComponent(escape(latin));
      } catch {
        if (this.fatal) throw new TypeError('the encoded data was not valid for encoding utf-8');
        return forgiving(latin);
      }
    }
  };
}

/** How many bytes at the end are the beginning of a letter that goes on in the next piece. */
function unfinished(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back];
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

/** Whole letters, and what may be the beginning of one. */
const WHOLE = [
  '[\\xc2-\\xdf][\\x80-\\xbf]',
  '\\xe0[\\xa0-\\xbf][\\x80-\\xbf]',
  '[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}',
  '\\xed[\\x80-\\x9f][\\x80-\\xbf]',
  '\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}',
  '[\\xf1-\\xf3][\\x80-\\xbf]{3}',
  '\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}',
].join('|');
const PART = [
  '\\xe0[\\xa0-\\xbf]',
  '[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]',
  '\\xed[\\x80-\\x9f]',
  '\\xf0[\\x90-\\xbf][\\x80-\\xbf]?',
  '[\\xf1-\\xf3][\\x80-\\xbf]{1,2}',
  '\\xf4[\\x80-\\x8f][\\x80-\\xbf]?',
].join('|');

/** With a � for each beginning of a letter that does not go on, and for each other byte that is none. */
function forgiving(latin) {
  const pieces = new RegExp(`(${WHOLE})|${PART}|[\\x80-\\xff]`, 'g');
  return latin.replace(pieces, (_all, letter) =>
    letter === undefined ? '\ufffd' : decodeURIComponent(escape(letter)),
  );
}

/**
 * The engine's own is seeded while the component is built: it would give the same numbers in each task run. This one (xoshiro128**) asks the
 * host for a seed when a task first wants a number.
 */
function makeRandom() {
  const ofBuild = Math.random;
  let state;
  const rotated = (word, by) => (word << by) | (word >>> (32 - by));
  function next() {
    const word = Math.imul(rotated(Math.imul(state[1], 5), 7), 9) >>> 0;
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotated(state[3], 11);
    return word;
  }
  return function random() {
    if (!isTask()) return ofBuild();
    state ??= new Uint32Array(getInsecureRandomBytes(16).slice().buffer);
    return ((next() >>> 5) * 0x400_0000 + (next() >>> 6)) / 2 ** 53;
  };
}
