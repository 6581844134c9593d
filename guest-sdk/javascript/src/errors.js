/** The `err` of a `result`. */
export class TaskError extends Error {
  constructor(payload, options) {
    super(typeof payload === 'string' ? payload : JSON.stringify(payload), options);
    this.payload = payload;
  }

  get name() {
    return 'TaskError';
  }
}
