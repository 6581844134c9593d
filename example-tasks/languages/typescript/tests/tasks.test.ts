import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeHost } from '@taskhost/task/testing';

import type { Order } from '../bindings/tasks';
import { tasks } from '../src/tasks';

const line = (title: string, quantity: number, unitPrice: number) => ({ article: { title }, quantity, unitPrice });

const exported = (order: object = {}) =>
  JSON.stringify({
    orders: [
      {
        id: 'A1',
        customer: { name: ' Ada ' },
        created: '2026-03-01T10:00:00Z',
        payment: { type: 'card', number: '•••• 1234' },
        lines: [line('Tea', 2, 3.5)],
        ...order,
      },
    ],
  });

const order = (day: string, more: Partial<Order> = {}): Order => ({
  id: day,
  customer: 'Ada',
  day,
  payment: { tag: 'transfer' },
  items: [{ article: 'Tea', quantity: 2, price: 350 }],
  ...more,
});

test('an export becomes orders', () => {
  const host = fakeHost();
  assert.deepEqual(tasks.parse(exported()), [
    {
      id: 'A1',
      customer: 'Ada',
      day: '2026-03-01',
      payment: { tag: 'card', val: '1234' },
      items: [{ article: 'Tea', quantity: 2, price: 350 }],
      note: undefined,
    },
  ]);
  assert.deepEqual(host.messages, ['1 orders']);
});

test('what is wrong has a place', () => {
  const wrong = (order: object, message: string) => assert.throws(() => tasks.parse(exported(order)), { name: 'TaskError', message });
  wrong({ lines: [line('Tea', 1.5, 3)] }, 'orders[0].lines[0].quantity: wanted a whole number, found 1.5');
  wrong({ payment: { type: 'gold' } }, 'orders[0].payment.type: wanted card, transfer or voucher, found "gold"');
  wrong({ customer: undefined }, 'orders[0].customer: wanted an object, found nothing');
  assert.throws(() => tasks.parse('{'), /the export is no JSON/);
});

test('orders are grouped by customer, the oldest first', () => {
  const groups = tasks.byCustomer([order('2026-03-02'), order('2026-03-09', { customer: 'Abe' }), order('2026-03-01')]);
  assert.deepEqual(groups.map(({ name, orders }) => [name, orders.map(({ day }) => day)]), [
    ['Abe', ['2026-03-09']],
    ['Ada', ['2026-03-01', '2026-03-02']],
  ]);
});

test('a voucher pays no more than the order', () => {
  const orders = [order('2026-03-01', { payment: { tag: 'voucher', val: 1000 } }), order('2026-03-02')];
  assert.deepEqual(tasks.summarise({ name: 'Ada', orders }), {
    name: 'Ada',
    orders: 2,
    total: 1400,
    vouchers: 700,
    favourite: 'Tea',
    lastDay: '2026-03-02',
  });
});

test('a note with a comma is quoted', () => {
  const csv = tasks.flatten([order('2026-03-01', { note: 'ring "twice", please' })]);
  assert.equal(csv.split('\n')[1], '2026-03-01,2026-03-01,Ada,transfer,Tea,2,3.50,7.00,"ring ""twice"", please"');
});
