// Unsigned numbers as they cross: the engine carries a `u32` as a signed one, so that those of 2^31 and more come in negative, and go out as
// 2^31 - 1.

import { isQuickJs } from './engine.js';

/** A function that puts values of a type right that came in; none if there is nothing to do. */
export const incoming = (type) => converter(type, (value) => value >>> 0);

/** The same for values that go out; the author's own are left as they are. */
export const outgoing = (type) => converter(type, (value) => value | 0);

function converter(type, leaf) {
  if (!isQuickJs) return undefined;
  if (type === 'u32') return leaf;
  if (type === null || typeof type !== 'object') return undefined;
  const [kind] = Object.keys(type);
  return COMPOSED[kind]?.(type[kind], leaf);
}

const camel = (name) => name.replace(/-(.)/g, (_all, letter) => letter.toUpperCase());

/** Of named parts, those that have to be converted. */
const parts = (all, leaf) => all.map(([name, type]) => [name, converter(type, leaf)]).filter(([, convert]) => convert);

const COMPOSED = {
  list(element, leaf) {
    const convert = converter(element, leaf);
    return convert && ((value) => Array.from(value, convert));
  },
  option(type, leaf) {
    const convert = converter(type, leaf);
    if (!convert) return undefined;
    if (typeof type === 'object' && 'option' in type) return inside(convert);
    return (value) => (value === null || value === undefined ? value : convert(value));
  },
  record(fields, leaf) {
    const converts = parts(fields, leaf).map(([name, convert]) => [camel(name), convert]);
    if (converts.length === 0) return undefined;
    const names = fields.map(([name]) => camel(name));
    return (value) => {
      const copy = {};
      for (const name of names) copy[name] = value[name];
      for (const [name, convert] of converts) copy[name] = convert(copy[name]);
      return copy;
    };
  },
  tuple(types, leaf) {
    const converts = parts([...types.entries()], leaf);
    if (converts.length === 0) return undefined;
    return (value) => {
      const copy = [...value];
      for (const [index, convert] of converts) copy[index] = convert(value[index]);
      return copy;
    };
  },
  variant(cases, leaf) {
    const converts = new Map(parts(cases, leaf));
    if (converts.size === 0) return undefined;
    return (value) => {
      const convert = converts.get(value.tag);
      return convert ? { tag: value.tag, val: convert(value.val) } : value;
    };
  },
  result: ([ok, err], leaf) =>
    COMPOSED.variant(
      [
        ['ok', ok],
        ['err', err],
      ],
      leaf,
    ),
};

const inside = (convert) => (value) => (value.tag === 'some' ? { tag: 'some', val: convert(value.val) } : value);
