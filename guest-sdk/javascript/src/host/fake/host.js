// What stands in for taskhost where a task runs as plain JavaScript.

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'];
const MOST = 4 << 20;

export class FakeHost {
  lines = [];
  reports = [];
  #context;
  #level;

  constructor({ level = 'trace', ...context } = {}) {
    this.#level = LEVELS.indexOf(level);
    this.#context = {
      flowRun: 'fake',
      task: 'task',
      taskRun: 'fake/task',
      attempt: 1,
      mapped: false,
      mapIndex: 0,
      secondsLeft: 3600,
      ...context,
    };
  }

  get messages() {
    return this.lines.map((line) => line.message);
  }

  blob(data) {
    return new FakeBlob(typeof data === 'string' ? new TextEncoder().encode(data) : Uint8Array.from(data));
  }

  bytes(blob) {
    return blob.bytes.slice();
  }

  text(blob) {
    return new TextDecoder().decode(blob.bytes);
  }

  enabled(level) {
    return LEVELS.indexOf(level) >= this.#level;
  }

  log(level, message) {
    if (this.enabled(level)) this.lines.push({ level, message });
  }

  report(done, total, message) {
    this.reports.push({ done, total, message });
  }

  context() {
    return { ...this.#context };
  }
}

export class FakeBlob {
  constructor(bytes) {
    this.bytes = bytes;
  }

  length() {
    return this.bytes.length;
  }

  read(offset, most) {
    if (!Number.isInteger(offset) || offset < 0) throw new RangeError('an offset is a whole number');
    return this.bytes.slice(offset, offset + Math.min(most, MOST));
  }
}

export class FakeBlobWriter {
  #pieces = [];

  append(bytes) {
    if (bytes.length > MOST) throw new RangeError('at most 4 MiB at once');
    this.#pieces.push(bytes.slice());
  }

  static finish(writer) {
    const all = new Uint8Array(writer.#pieces.reduce((size, piece) => size + piece.length, 0));
    let at = 0;
    for (const piece of writer.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return new FakeBlob(all);
  }
}

let current = new FakeHost();

export const host = () => current;

export function install(host) {
  current = host;
  return host;
}
