import * as host from '#host/context';

export const context = () => host.get();
