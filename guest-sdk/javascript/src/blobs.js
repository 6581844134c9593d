import * as host from '#host/blobs';

/** What one call of the contract reads or appends at most is 4 MiB; a piece of 1 MiB is as fast. */
const PIECE = 1 << 20;

export function* chunks(blob, size = PIECE) {
  if (!(size >= 1 && size <= 4 * PIECE)) throw new RangeError('a chunk has 1 to 4194304 bytes');
  const length = blob.length();
  for (let offset = 0; offset < length; offset += size) yield blob.read(offset, size);
}

export function bytes(blob) {
  const all = new Uint8Array(blob.length());
  let at = 0;
  for (const chunk of chunks(blob)) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

export const text = (blob) => [...decoded(blob)].join('');

export function* lines(blob) {
  let rest = '';
  for (const piece of decoded(blob)) {
    const pieces = (rest + piece).split('\n');
    rest = pieces.pop();
    for (const line of pieces) yield withoutReturn(line);
  }
  if (rest !== '') yield withoutReturn(rest);
}

const withoutReturn = (line) => (line.endsWith('\r') ? line.slice(0, -1) : line);

/** Text that is no UTF-8 is a mistake, not a row of question marks. */
function* decoded(blob) {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (const chunk of chunks(blob)) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

export class Writer {
  #host = new host.BlobWriter();
  #pieces = [];
  #size = 0;

  write(data) {
    const piece = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    if (!(piece instanceof Uint8Array)) throw new TypeError('a blob is written as a string or a Uint8Array');
    if (this.#host === undefined) throw new Error('this blob is finished');
    // The caller may use its array again.
    if (piece.length < PIECE) this.#pieces.push(typeof data === 'string' ? piece : piece.slice());
    else {
      this.#flush();
      for (let at = 0; at < piece.length; at += PIECE) this.#host.append(piece.subarray(at, at + PIECE));
      return this;
    }
    this.#size += piece.length;
    if (this.#size >= PIECE) this.#flush();
    return this;
  }

  finish() {
    if (this.#host === undefined) throw new Error('this blob is finished');
    this.#flush();
    const writer = this.#host;
    this.#host = undefined;
    return host.BlobWriter.finish(writer);
  }

  #flush() {
    if (this.#size === 0) return;
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    for (let at = 0; at < all.length; at += PIECE) this.#host.append(all.subarray(at, at + PIECE));
    this.#pieces = [];
    this.#size = 0;
  }
}

export function from(data) {
  const writer = new Writer();
  if (typeof data === 'string' || data instanceof Uint8Array) writer.write(data);
  else for (const piece of data) writer.write(piece);
  return writer.finish();
}
