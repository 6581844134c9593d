import { host } from './host.js';

export const report = (done, total, message) => host().report(done, total, message);
