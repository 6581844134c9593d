export * from 'taskhost:task/context@0.1.0';
