/** What a task may call: log, progress, context, blobs, and the error that is its own. */

import * as blobs from './blobs.js';
import * as log from './log.js';

export { blobs, log };
export type { Blob } from './blobs.js';
export type { Level } from './log.js';

/**
 * The `err` of a `result`: `throw new TaskError('no rows')`. Anything else that is thrown is a mistake of the program, and fails the task run
 * with its message and stack.
 */
export class TaskError<E = string> extends Error {
  constructor(payload: E, options?: { cause?: unknown });
  /** What the WIT says that the error is; a string, as a rule. */
  readonly payload: E;
}

/**
 * `done` of `total` units are done; a `total` of 0 means that it is not known. Cheap to call often: shown is only the latest.
 */
export function progress(done: number, total?: number, message?: string): void;

/** Which task run this is. For logs and for names of things outside; results should not depend on it. */
export function context(): Context;

export interface Context {
  /** Identifies the flow run; the same for all of its task runs. */
  flowRun: string;
  /** The task's path in the flow run, such as `months/clean`. */
  task: string;
  /** Identifies this task run; the same in each of its attempts, so that it can serve as an idempotency key. */
  taskRun: string;
  /** 1 for the first attempt. */
  attempt: number;
  /** Whether the task is mapped over a list. */
  mapped: boolean;
  /** Position in the mapped list; 0 if the task is not mapped. */
  mapIndex: number;
  /** Seconds until this attempt is ended, waiting included. */
  secondsLeft: number;
}
