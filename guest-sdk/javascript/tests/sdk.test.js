// The SDK with the fake host.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TaskError, blobs, context, log, progress } from '@taskhost/task';
import { fakeHost } from '@taskhost/task/testing';

test('messages have their level', () => {
  const host = fakeHost();
  log.info('one');
  log.error(`two`);
  assert.deepEqual(host.lines, [
    { level: 'info', message: 'one' },
    { level: 'error', message: 'two' },
  ]);
});

test('a message that nobody keeps is not made', () => {
  const host = fakeHost({ level: 'info' });
  log.debug(() => assert.fail('made'));
  log.warn(() => 'made');
  assert.deepEqual(host.messages, ['made']);
  assert.equal(log.enabled('debug'), false);
});

test('half of a surrogate pair does not break the log', () => {
  const host = fakeHost();
  log.info('\ud800');
  assert.deepEqual(host.messages, ['\ufffd']);
});

test('progress counts in whole numbers that fit', () => {
  const host = fakeHost();
  progress(1, 3, 'reading');
  progress(2.9);
  progress(-1, 2 ** 40);
  progress(NaN, NaN);
  assert.deepEqual(host.reports, [
    { done: 1, total: 3, message: 'reading' },
    { done: 2, total: 0, message: '' },
    { done: 0, total: 2 ** 32 - 1, message: '' },
    { done: 0, total: 0, message: '' },
  ]);
});

test('the context is what the test says', () => {
  fakeHost({ attempt: 2, mapped: true, mapIndex: 7 });
  assert.equal(context().attempt, 2);
  assert.equal(context().mapIndex, 7);
  fakeHost();
  assert.equal(context().attempt, 1);
});

test('a blob is read in pieces', () => {
  const host = fakeHost();
  const blob = host.blob([1, 2, 3, 4, 5]);
  assert.deepEqual([...blobs.chunks(blob, 2)], [Uint8Array.of(1, 2), Uint8Array.of(3, 4), Uint8Array.of(5)]);
  assert.deepEqual(blobs.bytes(blob), Uint8Array.of(1, 2, 3, 4, 5));
  assert.deepEqual([...blobs.chunks(host.blob(''))], []);
  assert.throws(() => [...blobs.chunks(blob, 0)], RangeError);
});

test('lines may end in either way, and the last one in none', () => {
  const host = fakeHost();
  assert.deepEqual([...blobs.lines(host.blob('a\r\n\nbé\n'))], ['a', '', 'bé']);
  assert.deepEqual([...blobs.lines(host.blob('a\nb'))], ['a', 'b']);
  assert.deepEqual([...blobs.lines(host.blob(''))], []);
});

test('a letter may lie across two pieces', () => {
  const host = fakeHost();
  const text = `${'a'.repeat((1 << 20) - 1)}😀\nend`;
  assert.equal(blobs.text(host.blob(text)), text);
  assert.deepEqual([...blobs.lines(host.blob(text))].at(-1), 'end');
});

test('text that is no UTF-8 is a mistake', () => {
  const host = fakeHost();
  assert.throws(() => blobs.text(host.blob([0xff])), TypeError);
});

test('what is written is a blob', () => {
  const host = fakeHost();
  const writer = new blobs.Writer();
  const buffer = Uint8Array.of(33);
  writer.write('aé').write(buffer);
  buffer[0] = 0;
  assert.equal(host.text(writer.finish()), 'aé!');
  assert.throws(() => writer.write('more'), /finished/);
  assert.throws(() => new blobs.Writer().write([1]), TypeError);
  assert.equal(host.text(blobs.from(['a', 'b'])), 'ab');
  assert.equal(host.text(blobs.from('')), '');
});

test('large pieces keep their order', () => {
  const host = fakeHost();
  const large = new Uint8Array(5 << 20).fill(7);
  const bytes = host.bytes(blobs.from([Uint8Array.of(1), large, Uint8Array.of(2)]));
  assert.equal(bytes.length, large.length + 2);
  assert.deepEqual([bytes[0], bytes[1], bytes.at(-2), bytes.at(-1)], [1, 7, 7, 2]);
});

test('an error of the task has what the WIT says', () => {
  const error = new TaskError({ tag: 'worse' });
  assert.deepEqual(error.payload, { tag: 'worse' });
  assert.equal(String(error), 'TaskError: {"tag":"worse"}');
  assert.equal(new TaskError('no rows').message, 'no rows');
});
