export * from 'taskhost:task/progress@0.1.0';
