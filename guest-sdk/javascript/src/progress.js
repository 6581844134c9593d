import * as host from '#host/progress';

const MOST = 0xffff_ffff;

export function progress(done, total = 0, message = '') {
  host.report(count(done), count(total), String(message).toWellFormed());
}

/** The contract counts in `u32`; what is no such number must not wrap around. */
const count = (number) => Math.min(Math.max(Math.trunc(number) || 0, 0), MOST);
