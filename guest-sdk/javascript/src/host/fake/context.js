import { host } from './host.js';

export const get = () => host().context();
