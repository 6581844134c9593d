/* global TASKHOST_ENGINE */

// Said by `bundle.js`; tests of ours run in Node.js, as QuickJS.

export const isQuickJs = typeof TASKHOST_ENGINE === 'undefined' || TASKHOST_ENGINE === 'quickjs';
