import { createInterface } from 'node:readline/promises';

/** Asks a question on the terminal. Returns whether the answer is `y` or `yes`. */
export async function askConfirmation(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
