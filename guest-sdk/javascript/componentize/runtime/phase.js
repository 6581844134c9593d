// The module is loaded while the component is built, and its memory is kept: only later, in a task run, there is a host to call.

let running = false;

export const isTask = () => running;

export function taskBegins() {
  running = true;
}
