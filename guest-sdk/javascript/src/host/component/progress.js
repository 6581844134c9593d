import * as host from 'taskhost:task/progress@0.1.0';

// The engine carries a `u32` as a signed number.
export const report = (done, total, message) => host.report(done | 0, total | 0, message);
