/** A row of the line protocol of QuestDB. All values are text. */
export interface LineProtocolRow {
  readonly table: string;
  readonly columns: Readonly<Record<string, string>>;
}

/** A name or a value: quoted text, or characters and escape sequences. */
const TOKEN = /"(?:\\.|[^"\\])*"|(?:\\.|[^\\,= ])+/sy;

/** Parses a row. Removes quotes, escapes, and the suffixes of integers and times. */
export function parseLine(line: string): LineProtocolRow {
  const columns: Record<string, string> = {};
  TOKEN.lastIndex = 0;
  const read = () => {
    const [text = ''] = TOKEN.exec(line) ?? [];
    return text.replace(/^"(.*)"$/s, '$1').replace(/\\(.)/gs, '$1');
  };
  const table = read();
  while (TOKEN.lastIndex < line.length) {
    TOKEN.lastIndex += 1;
    const name = read();
    if (line[TOKEN.lastIndex] !== '=') break;
    TOKEN.lastIndex += 1;
    columns[name] = read().replace(/^(-?\d+)[it]$/, '$1');
  }
  return { table, columns };
}

/** Splits text into rows. Line breaks inside of values are escaped. */
export function splitLines(text: string): string[] {
  return text.split(/(?<!\\)\n/).filter(Boolean);
}
