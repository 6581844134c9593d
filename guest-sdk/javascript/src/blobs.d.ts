/** Bytes that never change, held by the host: what is too large for a list. */
export interface Blob {
  /** The number of its bytes. */
  length(): number;
  /** The bytes from `offset` on: `most` of them, but no more than 4 MiB, and fewer only at the end. */
  read(offset: number, most: number): Uint8Array<ArrayBuffer>;
}

/** Piece by piece, 1 MiB each unless `size` says otherwise: memory for one of them is enough. */
export function chunks(blob: Blob, size?: number): Generator<Uint8Array<ArrayBuffer>, void, undefined>;

/** Line by line, without their ends. Throws where it is no UTF-8. */
export function lines(blob: Blob): Generator<string, void, undefined>;

/** All of it. */
export function bytes(blob: Blob): Uint8Array<ArrayBuffer>;

/** All of it, as text. Throws if it is no UTF-8. */
export function text(blob: Blob): string;

/** A new blob of a string, of bytes, or of pieces that come one after the other. */
export function from(data: string | Uint8Array | Iterable<string | Uint8Array>): Blob;

/** A blob that is being made. One that is never finished leaves nothing behind. */
export class Writer {
  /** Adds a string, as UTF-8, or bytes. */
  write(data: string | Uint8Array): this;
  /** What was written, as a blob. */
  finish(): Blob;
}
