import { it } from 'vitest';
import {
  type LibraryProgram,
  type LibraryProgramRun,
  runLibraryProgram,
} from './library-program.ts';

/** A version of Node.js and a module system. */
export type Combination = readonly [LibraryProgram['node'], LibraryProgram['modules']];

const ALL: readonly Combination[] = ([22, 24, 26] as const).flatMap((node) =>
  (['CommonJS', 'ESM'] as const).map((modules) => [node, modules] as const),
);

/** Node.js 24 loads the library as an ES module, and the others as CommonJS. */
export function isInCi([node, modules]: Combination): boolean {
  return (node === 24) === (modules === 'ESM');
}

/**
 * Defines a test of a program for each combination.
 *
 * @param options.isSupported Default: all combinations.
 * @param options.isInCi Default: one for each version of Node.js.
 */
export function testCombinations(
  getProgram: (node: LibraryProgram['node']) => Omit<LibraryProgram, 'node' | 'modules'>,
  check: (run: LibraryProgramRun<never>, node: number) => void,
  options: {
    isSupported?: (combination: Combination) => boolean;
    isInCi?: (combination: Combination) => boolean;
  } = {},
): void {
  const title = 'records each operation on Node %s as %s';
  const test = async (node: LibraryProgram['node'], modules: LibraryProgram['modules']) =>
    check(await runLibraryProgram<never>({ ...getProgram(node), node, modules }), node);
  const cases = ALL.filter(options.isSupported ?? (() => true));
  const isCi = options.isInCi ?? isInCi;
  it.concurrent.each(cases.filter(isCi))(title, test);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(cases.filter((each) => !isCi(each)))(title, { tags: 'long' }, test);
}
