// The tasks of this example: from a shop's JSON export to tables.

import { TaskError, log } from '@taskhost/task';

import type { Item, Order, Summary, Tasks } from '../bindings/tasks';
import { readOrders } from './export';
import { Problem } from './json';

const cents = (items: Item[]): number => items.reduce((sum, { quantity, price }) => sum + quantity * price, 0);

const voucher = ({ payment, items }: Order): number =>
  payment.tag === 'voucher' ? Math.min(payment.val, cents(items)) : 0;

const sum = (numbers: number[]): number => numbers.reduce((sum, number) => sum + number, 0);

const byName = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const euros = (cents: number): string => (cents / 100).toFixed(2);

export const tasks: Tasks = {
  parse(text) {
    try {
      const orders = readOrders(text);
      log.info(`${orders.length} orders`);
      return orders;
    } catch (error) {
      // What is wrong with the export is its sender's matter; anything else is ours.
      if (error instanceof Problem) throw new TaskError(error.message);
      throw error;
    }
  },

  byCustomer(orders) {
    const groups = new Map<string, Order[]>();
    for (const order of orders) groups.set(order.customer, [...(groups.get(order.customer) ?? []), order]);
    return [...groups]
      .map(([name, orders]) => ({ name, orders: orders.toSorted((a, b) => byName(a.day, b.day)) }))
      .sort((a, b) => byName(a.name, b.name));
  },

  summarise({ name, orders }): Summary {
    const counts = new Map<string, number>();
    for (const { article, quantity } of orders.flatMap((order) => order.items)) {
      counts.set(article, (counts.get(article) ?? 0) + quantity);
    }
    const [favourite] = [...counts].sort(([a, many], [b, more]) => more - many || byName(a, b))[0] ?? ['nothing'];
    return {
      name,
      orders: orders.length,
      total: sum(orders.map((order) => cents(order.items))),
      vouchers: sum(orders.map(voucher)),
      favourite,
      lastDay: orders.at(-1)?.day ?? '',
    };
  },

  flatten(orders) {
    const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const rows = orders.flatMap(({ id, customer, day, payment, items, note }) =>
      items.map(({ article, quantity, price }) =>
        [id, day, customer, payment.tag, article, `${quantity}`, euros(price), euros(quantity * price), note ?? '']
          .map(quoted)
          .join(','),
      ),
    );
    return ['order,day,customer,payment,article,quantity,price,sum,note', ...rows, ''].join('\n');
  },

  report(customers) {
    const rows = customers
      .toSorted((a, b) => b.total - a.total || byName(a.name, b.name))
      .map(({ name, orders, total, vouchers, favourite, lastDay }) => [
        name.padEnd(16),
        String(orders).padStart(6),
        euros(total).padStart(9),
        euros(vouchers).padStart(9),
        ` ${lastDay}`,
        ` ${favourite}`,
      ]);
    const head = ['customer'.padEnd(16), 'orders', 'euros'.padStart(9), 'vouchers'.padStart(9), ' last      ', ' favourite'];
    return [head, ...rows].map((row) => row.join(' ').trimEnd()).join('\n');
  },
};
