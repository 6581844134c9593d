export * from 'taskhost:task/blobs@0.1.0';
