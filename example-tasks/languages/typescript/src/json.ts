// JSON of unknown shape, taken apart step by step: each step knows its place, so that a mistake can name it.

/** What is wrong with the JSON, and where. */
export class Problem extends Error {}

export class Json {
  private constructor(
    private readonly value: unknown,
    private readonly place: string,
  ) {}

  static parse(text: string): Json {
    try {
      return new Json(JSON.parse(text), '');
    } catch (error) {
      throw new Problem(`the export is no JSON: ${(error as Error).message}`);
    }
  }

  field(name: string): Json {
    const place = this.place === '' ? name : `${this.place}.${name}`;
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) throw this.problem('an object');
    return new Json((this.value as Record<string, unknown>)[name], place);
  }

  list<T>(read: (element: Json) => T): T[] {
    if (!Array.isArray(this.value)) throw this.problem('a list');
    return this.value.map((element, index) => read(new Json(element, `${this.place}[${index}]`)));
  }

  string(): string {
    if (typeof this.value !== 'string') throw this.problem('a string');
    return this.value;
  }

  /** A string of a certain form. */
  matching(form: RegExp, wanted: string): string {
    const text = this.string();
    if (!form.test(text)) throw this.problem(wanted);
    return text;
  }

  whole(): number {
    if (typeof this.value !== 'number' || !Number.isInteger(this.value) || this.value < 0) throw this.problem('a whole number');
    return this.value;
  }

  /** An amount such as 12.5, in cents. */
  cents(): number {
    if (typeof this.value !== 'number' || this.value < 0) throw this.problem('an amount');
    return Math.round(this.value * 100);
  }

  optional<T>(read: (value: Json) => T): T | undefined {
    return this.value === undefined || this.value === null ? undefined : read(this);
  }

  problem(wanted: string): Problem {
    const found = this.value === undefined ? 'nothing' : JSON.stringify(this.value);
    return new Problem(`${this.place || 'the export'}: wanted ${wanted}, found ${found}`);
  }
}
