// The WIT as TypeScript, for editors and `tsc`: a file in `bindings/` for each interface that the world exports.

import { mkdir, readFile, rm, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { camel, pascal } from './world.js';

const HEAD = '// Written by `taskhost build`: what `wit/` says.\n';

export async function writeTypes(world, folder) {
  const files = new Map();
  for (const each of world.exports) files.set(`${each.name}.d.ts`, exported(world.wit, each));
  if (world.functions.length > 0) files.set('world.d.ts', plain(world));
  const imports = world.imports.filter((each) => !each.id.startsWith('taskhost:task/') && each.id.includes(':'));
  if (imports.length > 0) files.set('imports.d.ts', HEAD + imports.map((each) => imported(world.wit, each)).join(''));
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) if (name.endsWith('.d.ts') && !files.has(name)) await rm(path.join(folder, name));
  for (const [name, text] of files) await writeIfChanged(path.join(folder, name), text);
}

/** An unchanged file keeps its time: editors and `tsc` look at it. */
async function writeIfChanged(file, text) {
  const present = await readFile(file, 'utf8').catch(() => undefined);
  if (present !== text) await writeFile(file, text);
}

function exported(wit, each) {
  const printer = new Printer(wit);
  const free = each.functions.filter((fn) => fn.resource === undefined);
  const methods = free.map((fn) => `${doc(fn.docs, '  ', thrown(printer, fn))}  ${key(fn.name)}${printer.signature(fn, ': ')};\n`);
  for (const type of Object.values(each.types)) printer.name(type);
  const body = `${doc(each.docs, '')}export interface ${pascal(each.name)} {\n${methods.join('\n')}}\n`;
  return HEAD + printer.head() + printer.declared() + body;
}

function plain(world) {
  const printer = new Printer(world.wit);
  const types = world.functions.map(
    (fn) => `${doc(fn.docs, '', thrown(printer, fn))}export type ${pascal(fn.name)} = ${printer.signature(fn, ' => ')};\n\n`,
  );
  return HEAD + printer.head() + printer.declared() + types.join('').trimEnd() + '\n';
}

/** A module of the host, as the author may import it. */
function imported(wit, each) {
  const printer = new Printer(wit, each);
  const free = each.functions.filter((fn) => fn.resource === undefined);
  const functions = free.map((fn) => `${doc(fn.docs, '')}export function ${safe(camel(fn.name))}${printer.signature(fn, ': ')};\n`);
  const classes = Object.entries(each.types)
    .filter(([, type]) => wit.resolved.types[type].kind === 'resource')
    .map(([name, type]) => resource(printer, name, each.functions.filter((fn) => fn.resource === type)));
  for (const type of Object.values(each.types)) printer.name(type);
  const body = printer.declared() + classes.join('') + functions.join('');
  const indented = body.trimEnd().replace(/^(?=.)/gm, '  ');
  return `\ndeclare module '${each.id}' {\n${indented}\n}\n`;
}

function resource(printer, name, functions) {
  const members = functions.map((fn) => {
    const own = fn.name.split('.').at(-1);
    if (fn.kind === 'constructor') return `  constructor${printer.parameters(fn)};\n`;
    const modifier = fn.kind.endsWith('static') ? 'static ' : '';
    return `${doc(fn.docs, '  ')}  ${modifier}${key(own)}${printer.signature(fn, ': ')};\n`;
  });
  return `export class ${pascal(name)} {\n${members.join('')}}\n\n`;
}

const thrown = (printer, fn) => (fn.hasErr ? `@throws {TaskError<${fn.err === null ? 'undefined' : printer.type(fn.err)}>}` : undefined);

const NUMBERS = ['u8', 'u16', 'u32', 'u64', 's8', 's16', 's32', 's64', 'f32', 'f64'];

class Printer {
  #wit;
  #module;
  #declared = new Map();
  #usesBlob = false;

  /** `module` is the interface that is printed as a module of its own, where the types of others are imported. */
  constructor(wit, module) {
    this.#wit = wit;
    this.#module = module;
  }

  head() {
    return this.#usesBlob ? "import type { Blob } from '@taskhost/task';\n\nexport type { Blob };\n\n" : '\n';
  }

  declared() {
    return [...this.#declared.values()].join('');
  }

  signature(fn, arrow) {
    const result = fn.result === null ? 'void' : this.type(fn.result, 'returned');
    return `${this.parameters(fn)}${arrow}${fn.isAsync ? `Promise<${result}>` : result}`;
  }

  parameters(fn) {
    const params = fn.params.filter(({ name }) => name !== 'self');
    return `(${params.map(({ name, type }) => `${safe(camel(name))}: ${this.type(type)}`).join(', ')})`;
  }

  type(type, place) {
    if (type === null || type === undefined) return 'undefined';
    if (NUMBERS.includes(type)) return this.#wit.has64Bits && type.endsWith('64') && type !== 'f64' ? 'bigint' : 'number';
    if (typeof type === 'string') return type === 'bool' ? 'boolean' : type === 'error-context' ? 'unknown' : 'string';
    const { name, kind } = this.#wit.resolved.types[type];
    if (name) return this.name(type);
    return this.#composed(kind, place);
  }

  /** A type with a name: declared here, or in the module that it comes from. */
  name(type) {
    const definition = this.#wit.resolved.types[type];
    const title = pascal(definition.name);
    const origin = this.#origin(type);
    if (definition.kind === 'resource') return this.#resource(type, title);
    if (this.#module && origin !== type) {
      const owner = this.#wit.resolved.types[origin].owner?.interface;
      if (owner !== undefined && owner !== this.#module.index) {
        const { name, package: of } = this.#wit.resolved.interfaces[owner];
        const text = `export type ${title} = import('${this.#wit.idOf(of, name)}').${pascal(this.#wit.resolved.types[origin].name)};\n\n`;
        this.#declared.set(title, text);
        return title;
      }
    }
    if (!this.#declared.has(title)) {
      this.#declared.set(title, '');
      const { kind, docs } = this.#wit.resolved.types[origin];
      if (kind === 'resource') {
        this.#declared.delete(title);
        return this.#resource(origin, title);
      }
      this.#declared.set(title, doc((definition.docs ?? docs)?.contents, '') + this.#declaration(title, kind) + '\n');
    }
    return title;
  }

  /** Where a type was defined that is used here under a name. */
  #origin(type) {
    const { kind } = this.#wit.resolved.types[type];
    const next = typeof kind === 'object' ? kind.type : undefined;
    return typeof next === 'number' && this.#wit.resolved.types[next].name ? this.#origin(next) : type;
  }

  #resource(type, title) {
    const owner = this.#wit.resolved.types[type].owner?.interface;
    const { name, package: of } = this.#wit.resolved.interfaces[owner];
    const id = this.#wit.idOf(of, name);
    if (id.startsWith('taskhost:task/') && title === 'Blob') {
      this.#usesBlob = true;
      return 'Blob';
    }
    return this.#module?.index === owner ? title : `import('${id}').${title}`;
  }

  #declaration(title, kind) {
    if (kind.record) {
      const fields = kind.record.fields.map(({ name, type, docs }) => {
        const isOption = this.#wit.kindOf(type)?.option !== undefined && !this.#isNested(type);
        return `${doc(docs?.contents, '  ')}  ${key(name)}${isOption ? '?' : ''}: ${this.type(type)};\n`;
      });
      return `export interface ${title} {\n${fields.join('')}}\n`;
    }
    if (kind.flags) {
      const flags = kind.flags.flags.map(({ name, docs }) => `${doc(docs?.contents, '  ')}  ${key(name)}?: boolean;\n`);
      return `export interface ${title} {\n${flags.join('')}}\n`;
    }
    if (kind.variant || kind.enum) {
      const cases = (kind.variant ?? kind.enum).cases.map((each) => {
        const text = kind.enum ? `'${each.name}'` : this.#case(each.name, each.type);
        return `\n${doc(each.docs?.contents, '  ')}  | ${text}`;
      });
      return `export type ${title} =${cases.join('')};\n`;
    }
    return `export type ${title} = ${this.#composed(kind)};\n`;
  }

  #case(tag, type) {
    return type === null || type === undefined ? `{ tag: '${tag}'; val?: undefined }` : `{ tag: '${tag}'; val: ${this.type(type)} }`;
  }

  #isNested(option) {
    return this.#wit.kindOf(this.#wit.kindOf(option).option)?.option !== undefined;
  }

  #composed(kind, place) {
    if (kind.type !== undefined) return this.type(kind.type, place);
    if (kind.list !== undefined) return kind.list === 'u8' ? 'Uint8Array' : `${bracketed(this.type(kind.list))}[]`;
    if (kind.option !== undefined) {
      const inner = this.type(kind.option);
      if (this.#wit.kindOf(kind.option)?.option !== undefined) return `{ tag: 'some'; val: ${inner} } | { tag: 'none' }`;
      return place === 'returned' ? `${inner} | null | undefined` : `${inner} | null`;
    }
    if (kind.tuple) return `[${kind.tuple.types.map((each) => this.type(each)).join(', ')}]`;
    if (kind.result) return `${this.#case('ok', kind.result.ok)} | ${this.#case('err', kind.result.err)}`;
    if (kind.handle) return this.type(Object.values(kind.handle)[0]);
    return 'unknown';
  }
}

const bracketed = (type) => (/[ |]/.test(type) ? `(${type})` : type);

/** A name of a field: any word may stand there. */
const key = (name) => camel(name);

const WORDS =
  'arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for function if ' +
  'implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof ' +
  'var void while with yield';

const safe = (name) => (WORDS.split(' ').includes(name) ? `${name}_` : name);

function doc(text, indent, tag) {
  const lines = [...(text ? text.trim().split('\n') : []), ...(tag ? [tag] : [])].map((line) => line.replaceAll('*/', '*\\/'));
  if (lines.length === 0) return '';
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`;
}
