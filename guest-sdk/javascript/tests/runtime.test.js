// What stands around a task's functions in a component, as far as it needs none.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checkerOf, hasBigNumbers } from '../componentize/runtime/check.js';
import { incoming, outgoing } from '../componentize/runtime/convert.js';
import { placed } from '../componentize/runtime/trace.js';

const problem = (type, value) => {
  const wrong = checkerOf(type)(value);
  return wrong && `${wrong.path} ${wrong.what}`.trim();
};

test('integers have to be whole and to fit', () => {
  for (const [type, value] of [
    ['u8', 255],
    ['s8', -128],
    ['u32', 2 ** 32 - 1],
    ['s32', -(2 ** 31)],
    ['u64', 2 ** 53 - 1],
  ]) {
    assert.equal(problem(type, value), undefined);
  }
  assert.equal(problem('u8', 256), 'is the number 256 instead of a whole number from 0 to 255 (`u8`)');
  assert.match(problem('u32', NaN), /^is the number NaN/);
  assert.match(problem('u32', -1), /^is the number -1/);
  assert.match(problem('s64', 1n), /^is the BigInt 1/);
  assert.match(problem('u16', '1'), /^is "1" instead/);
});

test('a mistake inside has a place', () => {
  const type = { list: { record: [['first-name', 'string'], ['age', { option: 'u8' }]] } };
  assert.equal(problem(type, [{ firstName: 'Ada' }, { firstName: 'Bo', age: null }]), undefined);
  assert.equal(problem(type, [{ firstName: 'Ada' }, { firstName: 7 }]), '[1].firstName is the number 7 instead of a string');
  assert.match(problem(type, { length: 0 }), /^is an object instead of an array/);
});

test('typed arrays are lists', () => {
  assert.equal(problem({ list: 'u8' }, new Uint8Array(3)), undefined);
  assert.equal(problem({ list: 'f64' }, new Float64Array(3)), undefined);
  assert.match(problem({ list: 'u8' }, new ArrayBuffer(3)), /ArrayBuffer instead of a Uint8Array/);
  assert.match(problem({ list: 'u8' }, new Uint16Array(3)), /Uint16Array/);
});

test('cases, flags and nested options are known by their names', () => {
  const shape = { variant: [['circle', 'f64'], ['nothing', null]] };
  assert.equal(problem(shape, { tag: 'circle', val: 1 }), undefined);
  assert.equal(problem(shape, { tag: 'circle', val: 'x' }), '.val is "x" instead of a number');
  assert.match(problem(shape, { tag: 'square' }), /one of 'circle', 'nothing'/);
  assert.match(problem({ enum: ['a', 'b'] }, 'c'), /one of 'a', 'b'/);
  assert.equal(problem({ flags: ['can-read'] }, { canRead: true }), undefined);
  assert.match(problem({ flags: ['can-read'] }, { canWrite: true }), /`canWrite`/);
  assert.equal(problem({ option: { option: 'u8' } }, { tag: 'none' }), undefined);
  assert.match(problem({ option: { option: 'u8' } }, null), /tag: 'some'/);
});

test('strings have to be well-formed', () => {
  assert.match(problem('string', '\ud800'), /surrogate/);
  assert.equal(problem('char', '😀'), undefined);
  assert.match(problem('char', 'ab'), /one letter/);
});

test('64 bits are found wherever they are', () => {
  assert.equal(hasBigNumbers('u64'), true);
  assert.equal(hasBigNumbers({ list: { record: [['a', { option: 's64' }]] } }), true);
  assert.equal(hasBigNumbers({ variant: [['a', null], ['b', 'u32']] }), false);
});

test('unsigned numbers are put right wherever they are', () => {
  assert.equal(incoming('u32')(-1), 2 ** 32 - 1);
  assert.equal(outgoing('u32')(2 ** 32 - 1), -1);
  const type = { record: [['name', 'string'], ['ids', { list: { tuple: ['u32', { option: 'u32' }] } }]] };
  const given = { name: 'x', ids: [[-1, null], [1, -2]] };
  assert.deepEqual(incoming(type)(given), { name: 'x', ids: [[2 ** 32 - 1, null], [1, 2 ** 32 - 2]] });
  assert.deepEqual(given.ids, [[-1, null], [1, -2]]);
  assert.deepEqual(incoming({ result: ['u32', 'u32'] })({ tag: 'err', val: -1 }), { tag: 'err', val: 2 ** 32 - 1 });
  assert.equal(incoming({ record: [['name', 'string'], ['age', 'u8']] }), undefined);
});

test('frames show sources of the author only', () => {
  // Line 1 is from ours; line 2 from the second line of a.ts; line 3 has nothing.
  const map = { sources: [null, 'src/a.ts'], mappings: 'AAAA;ACCE;' };
  const stack = '    at inner (bundle.js:2:5)\n    at <anonymous> (bundle.js:1:1)\n    at outer (bundle.js:3:1)\n    at native\n';
  assert.deepEqual(placed(stack, map), ['  at src/a.ts:2:3, in inner']);
});
