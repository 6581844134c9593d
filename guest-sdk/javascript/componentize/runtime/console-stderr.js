import { stderr } from './last-words.js';

export const write = (_level, text) => stderr(`${text}\n`);
