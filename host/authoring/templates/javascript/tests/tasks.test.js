// The tasks as plain JavaScript, with a fake host: no WebAssembly, no taskhost.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeHost } from '@taskhost/task/testing';

import { tasks } from '../src/tasks.js';

test('somebody is greeted by name', () => {
  const host = fakeHost();
  assert.deepEqual(tasks.greet({ name: 'Ada', age: 36 }), { text: 'Hello, Ada, 36 years old!', letters: 25 });
  assert.deepEqual(host.messages, ['greeting Ada']);
});

test('an age may be unknown', () => {
  assert.equal(tasks.greet({ name: 'Zoë' }).text, 'Hello, Zoë!');
});

test('a person without a name is an error', () => {
  assert.throws(() => tasks.greet({ name: ' ' }), /a person needs a name/);
});
