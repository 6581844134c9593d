// What the project's world is, from the WIT as JSON: names as in JavaScript, types as `runtime/check.js` has them.

import { Mistake } from './mistake.js';

export const camel = (name) => name.replace(/-(.)/g, (_all, letter) => letter.toUpperCase());
export const pascal = (name) => camel(`-${name}`);

export function readWorld(resolved, name, engine) {
  const candidates = resolved.worlds.filter((world) => world.name === name);
  const own = candidates.filter((world) => world.package === resolved.packages.length - 1);
  const world = own[0] ?? candidates[0];
  if (world === undefined) throw new Mistake(`\`wit/\` has no world \`${name}\``);
  const wit = new Wit(resolved, engine);
  const { interfaces, functions } = wit.items(world.exports);
  const imports = wit.items(world.imports).interfaces;
  const all = [...functions, ...interfaces.flatMap((each) => each.functions)];
  if (engine === 'quickjs') for (const each of all) wit.refuseBorrows(each);
  return {
    name,
    engine,
    wit,
    exports: interfaces,
    functions,
    imports,
    isAsync: JSON.stringify(all).includes('"isAsync":true'),
    packageName: resolved.packages[world.package].name,
    hasLog: imports.some((each) => each.id.startsWith('taskhost:task/log@')),
  };
}

export class Wit {
  constructor(resolved, engine) {
    this.resolved = resolved;
    this.has64Bits = engine !== 'quickjs';
  }

  items(items) {
    const interfaces = [];
    const functions = [];
    for (const [key, item] of Object.entries(items)) {
      if (item.interface) interfaces.push(this.interface(key, item.interface.id));
      if (item.function) functions.push(this.function(item.function));
    }
    return { interfaces, functions };
  }

  interface(key, index) {
    const { name, functions, types, docs, package: owner } = this.resolved.interfaces[index];
    return {
      index,
      name: name ?? key,
      id: name === null || name === undefined ? key : this.idOf(owner, name),
      docs: docs?.contents,
      functions: Object.values(functions).map((each) => this.function(each)),
      types,
    };
  }

  idOf(owner, name) {
    const [base, version] = this.resolved.packages[owner].name.split('@');
    return `${base}/${name}${version ? `@${version}` : ''}`;
  }

  function({ name, kind, params, result, docs }) {
    const kindName = typeof kind === 'string' ? kind : Object.keys(kind)[0];
    const type = result === undefined || result === null ? null : result;
    const fallible = this.kindOf(type)?.result;
    return {
      name,
      kind: kindName,
      resource: typeof kind === 'string' ? undefined : Object.values(kind)[0],
      isAsync: kindName.startsWith('async'),
      docs: docs?.contents,
      params: params.map((each) => ({ name: each.name, type: each.type })),
      result: fallible ? (fallible.ok ?? null) : type,
      hasErr: fallible !== undefined,
      err: fallible?.err ?? null,
    };
  }

  /** What a type is, behind its names. */
  kindOf(type) {
    if (typeof type !== 'number') return undefined;
    const { kind } = this.resolved.types[type];
    return typeof kind === 'object' && 'type' in kind ? (this.kindOf(kind.type) ?? kind) : kind;
  }

  /** A type as `runtime/check.js` has it. */
  shape(type) {
    if (type === null || type === undefined) return null;
    if (typeof type === 'string') return type;
    const { kind, name } = this.resolved.types[type];
    if (typeof kind === 'string') return { resource: name ?? 'resource' };
    const [what] = Object.keys(kind);
    const of = kind[what];
    switch (what) {
      case 'type':
      case 'list':
      case 'option':
        return what === 'type' ? this.shape(of) : { [what]: this.shape(of) };
      case 'record':
        return { record: of.fields.map((field) => [field.name, this.shape(field.type)]) };
      case 'tuple':
        return { tuple: of.types.map((each) => this.shape(each)) };
      case 'variant':
        return { variant: of.cases.map((each) => [each.name, this.shape(each.type)]) };
      case 'enum':
        return { enum: of.cases.map((each) => each.name) };
      case 'flags':
        return { flags: of.flags.map((each) => each.name) };
      case 'result':
        return { result: [this.shape(of.ok), this.shape(of.err)] };
      case 'handle':
        return { resource: this.nameOf(Object.values(of)[0]) };
      default:
        // Streams, futures, maps: left to the engine.
        return 'any';
    }
  }

  nameOf(type) {
    return this.resolved.types[type].name ?? 'resource';
  }

  /** The engine never gives a borrowed resource back, and the component then fails when its function ends. */
  refuseBorrows({ name, params }) {
    const borrowed = (type) => {
      if (typeof type !== 'number') return false;
      const { kind } = this.resolved.types[type];
      return kind.handle ? 'borrow' in kind.handle : partsOf(kind).some(borrowed);
    };
    const param = params.find((each) => each.name !== 'self' && borrowed(each.type));
    if (param === undefined) return;
    throw new Mistake(
      `\`${param.name}\` of \`${name}\` is a \`borrow\`, which the engine (componentize-qjs 0.4.5) does not give back: ` +
        'write `blob` instead of `borrow<blob>`',
    );
  }
}

/** The types that a type is made of. */
function partsOf(kind) {
  if (typeof kind === 'string') return [];
  const [what] = Object.keys(kind);
  const of = kind[what];
  const parts = {
    type: () => [of],
    list: () => [of],
    option: () => [of],
    record: () => of.fields.map((field) => field.type),
    tuple: () => of.types,
    variant: () => of.cases.map((each) => each.type),
    result: () => [of.ok, of.err],
  };
  return parts[what]?.() ?? [];
}
