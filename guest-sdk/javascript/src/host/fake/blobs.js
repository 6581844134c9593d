export { FakeBlob as Blob, FakeBlobWriter as BlobWriter } from './host.js';
