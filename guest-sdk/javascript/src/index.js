// What a task may call: the contract `taskhost:task`, as one would write it in JavaScript.
//
// Each module reaches its host by `#host/…`: the imports of the component where it runs as one, the fake host of `testing.js` everywhere
// else. What a task does not use is not in its component.

export * as blobs from './blobs.js';
export { context } from './context.js';
export { TaskError } from './errors.js';
export * as log from './log.js';
export { progress } from './progress.js';
