export * from 'taskhost:task/log@0.1.0';
