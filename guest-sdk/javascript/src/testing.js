// A host for tests that run without WebAssembly.

import { FakeHost, install } from './host/fake/host.js';

export const fakeHost = (options) => install(new FakeHost(options));
