// The shop's export, as orders.

import type { Item, Order, Payment } from '../bindings/tasks';
import { Json } from './json';

export function readOrders(text: string): Order[] {
  return Json.parse(text).field('orders').list(order);
}

function order(json: Json): Order {
  return {
    id: json.field('id').string(),
    customer: json.field('customer').field('name').string().trim(),
    day: json.field('created').matching(/^\d{4}-\d{2}-\d{2}T/, 'a time such as 2026-03-01T10:00:00Z').slice(0, 10),
    payment: payment(json.field('payment')),
    items: json.field('lines').list(item),
    note: json.field('note').optional((note) => note.string()),
  };
}

function payment(json: Json): Payment {
  const kind = json.field('type');
  switch (kind.string()) {
    case 'card':
      return { tag: 'card', val: json.field('number').matching(/\d{4}$/, 'a card number').slice(-4) };
    case 'transfer':
      return { tag: 'transfer' };
    case 'voucher':
      return { tag: 'voucher', val: json.field('worth').cents() };
    default:
      throw kind.problem('card, transfer or voucher');
  }
}

const item = (json: Json): Item => ({
  article: json.field('article').field('title').string(),
  quantity: json.field('quantity').whole(),
  price: json.field('unitPrice').cents(),
});
