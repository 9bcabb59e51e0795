/** Writes the lists of an SQL statement. */
export interface ListWriter {
  /** Returns the next list, with a value for each `#` in each element. */
  (element: string, separator?: string): string;
  /** Returns an expression with one value. */
  one: (element: string) => string;
}

/**
 * Creates a writer of lists with these lengths. The kinds of values repeat. Placeholders are numbered.
 */
export function createListWriter(lengths: readonly number[], kinds: readonly string[]): ListWriter {
  let lists = 0;
  let values = 0;
  const one = (element: string) =>
    element.replaceAll('#', () => {
      const kind = kinds[values % kinds.length] ?? '?';
      values += 1;
      return ['$', ':', '@p'].includes(kind) ? `${kind}${values}` : kind;
    });
  const writeList = (element: string, separator = ', ') => {
    const length = lengths[lists % lengths.length] ?? 1;
    lists += 1;
    return Array.from({ length }, () => one(element)).join(separator);
  };
  return Object.assign(writeList, { one });
}
