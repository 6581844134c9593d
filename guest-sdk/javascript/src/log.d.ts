/** How much a message matters, least first. */
export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** Whether anybody keeps messages of this level. */
export function enabled(level: Level): boolean;

/** A message, or a function that makes one and is called only if somebody keeps it. */
export type Message = string | (() => string);

/** Details for the author. */
export function trace(message: Message): void;
/** Details for whoever looks for a mistake. */
export function debug(message: Message): void;
/** What everybody may see. */
export function info(message: Message): void;
/** Something to look at. */
export function warn(message: Message): void;
/** Something went wrong. */
export function error(message: Message): void;
