// Whether a value has the type that the WIT says. The engine itself makes 0 of 256 for a `u8` and of NaN for a `u32`, and panics without a
// place at a string that is none.

import { isQuickJs } from './engine.js';

/** A function that gives nothing for a good value, and what is wrong with a bad one. */
export function checkerOf(type) {
  if (type === null) return () => undefined;
  if (typeof type === 'string') return SIMPLE[type] ?? (() => undefined);
  const [kind] = Object.keys(type);
  return COMPOSED[kind](type[kind]);
}

/** Whether there may be integers in it that JavaScript's numbers do not hold. */
export function hasBigNumbers(type) {
  if (!isQuickJs) return false;
  if (Array.isArray(type)) return type.some(hasBigNumbers);
  if (type === null || typeof type !== 'object') return BIG.includes(type);
  return Object.values(type).some(hasBigNumbers);
}

const wrong = (value, wanted) => ({ path: '', what: `is ${named(value)} instead of ${wanted}` });

function named(value) {
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'bigint') return `the BigInt ${value}`;
  if (typeof value === 'string') return value.length <= 40 ? JSON.stringify(value) : 'a string';
  if (typeof value === 'function') return 'a function';
  if (value instanceof Promise) return 'a promise';
  if (Array.isArray(value)) return 'an array';
  return value.constructor === Object ? 'an object' : `a value of class ${value.constructor?.name ?? 'unknown'}`;
}

const of = (type, wanted) => (value) => (typeof value === type ? undefined : wrong(value, wanted));

function integer(name, least, most) {
  const wanted = `a whole number from ${least} to ${most} (\`${name}\`)`;
  return (value) => {
    if (typeof value === 'number' && value >= least && value <= most && Number.isInteger(value)) return undefined;
    return wrong(value, wanted);
  };
}

const SAFE = Number.MAX_SAFE_INTEGER;

/** The engine without `BigInt` at its border has what fits into a number. */
function integer64(name, least, most) {
  if (isQuickJs) return integer(name, least < 0 ? -SAFE : 0, SAFE);
  return (value) => {
    if (typeof value === 'bigint' && value >= least && value <= most) return undefined;
    return wrong(value, `a BigInt from ${least} to ${most} (\`${name}\`)`);
  };
}

const SIMPLE = {
  bool: of('boolean', 'a boolean'),
  u8: integer('u8', 0, 2 ** 8 - 1),
  u16: integer('u16', 0, 2 ** 16 - 1),
  u32: integer('u32', 0, 2 ** 32 - 1),
  u64: integer64('u64', 0n, 2n ** 64n - 1n),
  s8: integer('s8', -(2 ** 7), 2 ** 7 - 1),
  s16: integer('s16', -(2 ** 15), 2 ** 15 - 1),
  s32: integer('s32', -(2 ** 31), 2 ** 31 - 1),
  s64: integer64('s64', -(2n ** 63n), 2n ** 63n - 1n),
  f32: of('number', 'a number'),
  f64: of('number', 'a number'),
  string(value) {
    if (typeof value !== 'string') return wrong(value, 'a string');
    return value.isWellFormed() ? undefined : { path: '', what: 'is a string with half of a surrogate pair' };
  },
  char(value) {
    const isOne = typeof value === 'string' && value.length <= 2 && value.isWellFormed() && [...value].length === 1;
    return isOne ? undefined : wrong(value, 'a string of one letter');
  },
};

/** Arrays whose elements cannot be wrong, by the names that they tell: their classes may be those of another realm. */
const TYPED = {
  u8: ['Uint8Array', 'Uint8ClampedArray'],
  s8: ['Int8Array'],
  u16: ['Uint16Array'],
  s16: ['Int16Array'],
  u32: ['Uint32Array'],
  s32: ['Int32Array'],
  u64: ['BigUint64Array'],
  s64: ['BigInt64Array'],
  f32: ['Float32Array'],
  f64: ['Float64Array'],
};

const BIG = ['u64', 's64'];

const isObject = (value) => typeof value === 'object' && value !== null;

const camel = (name) => name.replace(/-(.)/g, (_all, letter) => letter.toUpperCase());

/** The problem of a part as one of the whole. */
function below(name, problem) {
  if (problem) problem.path = `${name}${problem.path}`;
  return problem;
}

const COMPOSED = {
  list(element) {
    const check = checkerOf(element);
    const typed = (isQuickJs && BIG.includes(element) ? undefined : TYPED[element]) ?? [];
    const wanted = element === 'u8' ? 'a Uint8Array' : 'an array';
    return (value) => {
      if (ArrayBuffer.isView(value) && typed.includes(value[Symbol.toStringTag])) return undefined;
      if (!Array.isArray(value)) return wrong(value, wanted);
      for (let index = 0; index < value.length; index += 1) {
        const problem = check(value[index]);
        if (problem) return below(`[${index}]`, problem);
      }
      return undefined;
    };
  },

  option(type) {
    const check = checkerOf(type);
    if (!isObject(type) || !('option' in type)) {
      return (value) => (value === null || value === undefined ? undefined : check(value));
    }
    return (value) => {
      if (value?.tag === 'none') return undefined;
      if (value?.tag !== 'some') return wrong(value, "{ tag: 'some', val } or { tag: 'none' }");
      return below('.val', check(value.val));
    };
  },

  record(fields) {
    const checks = fields.map(([name, type]) => [camel(name), checkerOf(type)]);
    return (value) => {
      if (!isObject(value)) return wrong(value, 'an object');
      for (const [name, check] of checks) {
        const problem = check(value[name]);
        if (problem) return below(`.${name}`, problem);
      }
      return undefined;
    };
  },

  tuple(types) {
    const checks = types.map(checkerOf);
    return (value) => {
      if (!Array.isArray(value) || value.length !== checks.length) return wrong(value, `an array of ${checks.length}`);
      for (const [index, check] of checks.entries()) {
        const problem = check(value[index]);
        if (problem) return below(`[${index}]`, problem);
      }
      return undefined;
    };
  },

  variant(cases) {
    const checks = new Map(cases.map(([name, type]) => [name, checkerOf(type)]));
    const wanted = `an object whose tag is one of ${cases.map(([name]) => `'${name}'`).join(', ')}`;
    return (value) => {
      const check = checks.get(value?.tag);
      return check ? below('.val', check(value.val)) : wrong(value, wanted);
    };
  },

  enum(names) {
    const wanted = `one of ${names.map((name) => `'${name}'`).join(', ')}`;
    return (value) => (names.includes(value) ? undefined : wrong(value, wanted));
  },

  flags(names) {
    const known = names.map(camel);
    return (value) => {
      if (!isObject(value)) return wrong(value, 'an object of booleans');
      const unknown = Object.keys(value).find((name) => !known.includes(name));
      return unknown && { path: '', what: `has a flag \`${unknown}\`, which the WIT does not know` };
    };
  },

  result: ([ok, err]) =>
    COMPOSED.variant([
      ['ok', ok],
      ['err', err],
    ]),

  resource: (name) => (value) => (isObject(value) ? undefined : wrong(value, `a ${name}`)),
};
