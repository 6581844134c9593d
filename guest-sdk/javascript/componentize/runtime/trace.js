// From places in the bundle to places in the author's sources.

/** As QuickJS and Node.js tell them, and as StarlingMonkey does. */
const FRAME = /^\s+at (?:(.*?) \()?\/?([^()\s]+):(\d+):(\d+)\)?$/;
const FRAME_OF_MONKEY = /^([^@]*)@(.*):(\d+):(\d+)$/;

/** The frames of a stack, the innermost first; those that are not the author's are left out. */
export function placed(stack, map = globalThis[Symbol.for('taskhost.map')]) {
  return stack.split('\n').flatMap((line) => {
    const [, name, , row, column] = FRAME.exec(line) ?? FRAME_OF_MONKEY.exec(line) ?? [];
    const place = row && map && original(map, Number(row) - 1, Number(column) - 1);
    if (!place) return [];
    return [`  at ${place}${name && name !== '<anonymous>' ? `, in ${name}` : ''}`];
  });
}

function original(map, row, column) {
  map.lines ??= decoded(map.mappings);
  const segments = map.lines[row] ?? [];
  const segment = segments.findLast((each) => each.column <= column) ?? segments[0];
  const source = segment && map.sources[segment.source];
  return source ? `${source}:${segment.row + 1}:${segment.at + 1}` : undefined;
}

/** The mappings of a source map: for each line, where pieces of it come from. */
function decoded(mappings) {
  let [source, row, at] = [0, 0, 0];
  return mappings.split(';').map((line) => {
    let column = 0;
    return line.split(',').flatMap((text) => {
      const [columns, sources, rows, places] = numbers(text);
      if (columns === undefined) return [];
      column += columns;
      if (sources === undefined) return [];
      source += sources;
      row += rows;
      at += places;
      return [{ column, source, row, at }];
    });
  });
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function numbers(text) {
  const all = [];
  let [value, shift] = [0, 0];
  for (const letter of text) {
    const digit = DIGITS.indexOf(letter);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    all.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return all;
}
