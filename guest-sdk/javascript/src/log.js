import * as host from '#host/log';

export const enabled = (level) => host.enabled(level);

export const trace = (message) => write('trace', message);
export const debug = (message) => write('debug', message);
export const info = (message) => write('info', message);
export const warn = (message) => write('warn', message);
export const error = (message) => write('error', message);

function write(level, message) {
  // A function is asked for its message only if somebody keeps it.
  if (typeof message === 'function') {
    if (!host.enabled(level)) return;
    message = message();
  }
  host.log(level, String(message).toWellFormed());
}
