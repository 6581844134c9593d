/** The `err` of a `result`. */
export class TaskError extends Error {
  constructor(payload, options) {
    super(typeof payload === 'string' ? payload : JSON.stringify(payload), options);
    this.payload = payload;
  }

  // Known by this, not by its class: there may be two copies of this package in one program.
  static isTaskError = true;

  get name() {
    return 'TaskError';
  }
}
