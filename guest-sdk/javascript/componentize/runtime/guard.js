// Stands around the author's functions: what they are given, what they throw, and what they return.

import { checkerOf, hasBigNumbers } from './check.js';
import { incoming, outgoing } from './convert.js';
import { isQuickJs } from './engine.js';
import { die } from './last-words.js';
import { taskBegins } from './phase.js';

/** The functions of one interface; `signatures` has one for each of them. */
export function guarded(exported, implementation, signatures) {
  if (implementation === undefined) throw new Error(`there is no \`export const ${exported} = { … }\``);
  return Object.fromEntries(
    Object.entries(signatures).map(([name, signature]) => {
      if (typeof implementation[name] !== 'function') throw new Error(`\`${exported}\` has no function \`${name}\``);
      return [name, guardedFunction(name, (...all) => implementation[name](...all), signature)];
    }),
  );
}

/** A function that the world exports without an interface. */
export function guardedExport(name, implementation, signature) {
  if (typeof implementation !== 'function') throw new Error(`there is no \`export function ${name}(…) { … }\``);
  return guardedFunction(name, implementation, signature);
}

function guardedFunction(name, implementation, signature) {
  const guard = new Guard(name, signature);
  if (signature.isAsync) {
    return async (...all) => {
      let payload;
      try {
        return guard.returned(await implementation(...guard.given(all)));
      } catch (error) {
        payload = guard.thrown(error);
      }
      throw payload;
    };
  }
  return (...all) => {
    let payload;
    try {
      const value = implementation(...guard.given(all));
      // StarlingMonkey waits for promises anywhere.
      if (!isQuickJs && value instanceof Promise) {
        return value.then((value) => guard.returned(value)).catch((error) => Promise.reject(guard.thrown(error)));
      }
      return guard.returned(value);
    } catch (error) {
      payload = guard.thrown(error);
    }
    throw payload;
  };
}

class Guard {
  constructor(name, { parameters, ok, hasErr, err }) {
    this.title = `\`${name}\``;
    this.checkOk = checkerOf(ok);
    this.convertOk = outgoing(ok);
    this.checkErr = hasErr ? checkerOf(err) : undefined;
    this.convertErr = outgoing(err);
    this.convert = parameters.map(incoming);
    this.big = parameters.flatMap((type, index) => (hasBigNumbers(type) ? [{ index, check: checkerOf(type) }] : []));
  }

  given(all) {
    taskBegins();
    const converted = all.map((value, index) => this.convert[index]?.(value) ?? value);
    for (const { index, check } of this.big) {
      const wrong = check(converted[index]);
      if (wrong) throw new RangeError(`${this.title} was given ${told(wrong)}`);
    }
    return converted;
  }

  returned(value) {
    const wrong = this.checkOk(value);
    if (wrong) throw new TypeError(`${this.title} returned ${told(wrong)}`);
    return this.convertOk ? this.convertOk(value) : value;
  }

  /** The value to throw for an `err`. Anything else ends the task run here. */
  thrown(error) {
    const isTaskError = error?.constructor?.isTaskError === true;
    if (this.checkErr === undefined || (error instanceof Error && !isTaskError)) return die(error);
    const payload = isTaskError ? error.payload : error;
    const wrong = this.checkErr(payload);
    if (wrong) return die(new TypeError(`${this.title} threw ${told(wrong)}`, { cause: error }));
    return this.convertErr ? this.convertErr(payload) : payload;
  }
}

const told = ({ path, what }) =>
  path === '' ? `a value that ${what}` : `a value whose \`${path.replace(/^\./, '')}\` ${what}`;
