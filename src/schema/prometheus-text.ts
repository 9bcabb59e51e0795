type Type = 'counter' | 'gauge';

/** A family of one value without labels. */
export function single(name: string, type: Type, help: string, value: number): string {
  return family(name, type, help, [line(name, {}, value)]);
}

/** A family with its lines, in Prometheus' text format. */
export function family(name: string, type: string, help: string, lines: readonly string[]): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

/** One value with its labels. */
export function line(
  name: string,
  labels: Readonly<Record<string, string>>,
  value: number,
): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
