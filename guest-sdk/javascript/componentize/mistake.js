/** What the author can put right: shown without a stack. */
export class Mistake extends Error {}
