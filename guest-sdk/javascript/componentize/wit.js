// The project's WIT with what the runtime around its tasks imports besides: stderr for last words, and seeds of random numbers.

import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

const PACKAGES = {
  'wasi-cli-0.2.0': `package wasi:cli@0.2.0;

interface stderr {
  use wasi:io/streams@0.2.0.{output-stream};
  get-stderr: func() -> output-stream;
}
`,
  'wasi-io-0.2.0': `package wasi:io@0.2.0;

interface error {
  resource error;
}

interface streams {
  use error.{error};

  variant stream-error {
    last-operation-failed(error),
    closed,
  }

  resource output-stream {
    blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
  }
}
`,
  'wasi-random-0.2.0': `package wasi:random@0.2.0;

interface insecure {
  get-insecure-random-bytes: func(len: u64) -> list<u8>;
}
`,
};

const WORLD = 'taskhost-component';

/** Writes it to a folder, and gives the name of the world to use. */
export async function withOwnImports(world, from, to) {
  await cp(from, to, { recursive: true, dereference: true });
  const present = world.wit.resolved.packages.map((each) => each.name);
  for (const [folder, text] of Object.entries(PACKAGES)) {
    // A project that has this version itself has the whole of it.
    if (present.includes(/^package (\S+);/.exec(text)[1])) continue;
    await mkdir(path.join(to, 'deps', folder), { recursive: true });
    await writeFile(path.join(to, 'deps', folder, 'package.wit'), text);
  }
  const text = `package ${world.packageName};

world ${WORLD} {
  include ${world.name};
  import wasi:cli/stderr@0.2.0;
  import wasi:random/insecure@0.2.0;
}
`;
  await writeFile(path.join(to, `${WORLD}.wit`), text);
  return WORLD;
}
