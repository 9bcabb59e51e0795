/** A row of the line protocol. All values are texts. */
export interface ParsedLine {
  readonly table: string;
  readonly values: Readonly<Record<string, string>>;
}

/** Parses a line that the agent sends to QuestDB (https://questdb.com/docs/reference/api/ilp/overview/). */
export function parseLine(line: string): ParsedLine {
  const [head = '', ...rest] = split(line, ' ');
  const [table = '', ...symbols] = split(head, ',');
  const fields = split(rest[0] ?? '', ',');
  const values = [...symbols, ...fields].map((pair) => {
    const [name = '', ...value] = pair.split('=');
    return [name, unescapeValue(value.join('='))] as const;
  });
  return { table, values: Object.fromEntries(values) };
}

/** Splits a text at a separator that is neither escaped nor in a quoted text. */
function split(text: string, separator: string): string[] {
  const parts = [''];
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '\\') {
      parts[parts.length - 1] += character + (text[i + 1] ?? '');
      i += 1;
      continue;
    }
    if (character === '"') isQuoted = !isQuoted;
    if (character === separator && !isQuoted) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

function unescapeValue(value: string): string {
  const text = value.replace(/^"(.*)"$/s, '$1').replaceAll(/\\(.)/gs, '$1');
  return /^-?\d+i$/.test(text) ? text.slice(0, -1) : text;
}
