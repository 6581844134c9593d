import type { Blob, Context, Level } from './index.js';

/**
 * A host for a test, which records what the task says. It is there until the next one is made; without any, there is one that nobody looks at.
 */
export function fakeHost(options?: Partial<Context> & { level?: Level }): FakeHost;

export interface FakeHost {
  /** What was logged. */
  readonly lines: { level: Level; message: string }[];
  /** The same, without levels. */
  readonly messages: string[];
  /** What was said of progress. */
  readonly reports: { done: number; total: number; message: string }[];
  /** A blob to give to a task. */
  blob(data: string | Iterable<number>): Blob;
  /** What is in a blob that a task gave. */
  bytes(blob: Blob): Uint8Array<ArrayBuffer>;
  /** The same, as text. */
  text(blob: Blob): string;
}
