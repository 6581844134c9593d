import { host } from './host.js';

export const log = (level, message) => host().log(level, message);
export const enabled = (level) => host().enabled(level);
