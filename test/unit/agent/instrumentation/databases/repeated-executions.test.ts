import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RepeatedExecutions } from '../../../../../src/agent/instrumentation/databases/repeated-executions.ts';

const STATEMENT = 'SELECT name FROM rooms WHERE id = $1';

function createExecutions() {
  const executions = new RepeatedExecutions();
  const text = executions.hashText(STATEMENT);
  return { executions, add: (values: unknown, nowMs = 0) => executions.add(text, values, nowMs) };
}

const arbitraryValue = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.date(),
  fc.array(fc.integer(), { maxLength: 3 }),
);
const arbitraryValues = fc.array(arbitraryValue, { maxLength: 4 });

describe('an execution', () => {
  it('is repeated if it has the same arguments as an earlier one', () => {
    fc.assert(
      fc.property(arbitraryValues, (values) => {
        const { add } = createExecutions();
        expect(add(values)).toBe(false);
        expect(add(structuredClone(values))).toBe(true);
      }),
    );
  });

  it('is not repeated if an argument differs', () => {
    fc.assert(
      fc.property(arbitraryValues, arbitraryValues, (values, others) => {
        // Two empty arrays, and 0 and -0, are printed as different texts.
        fc.pre(inspect(values) !== inspect(others));
        const { add } = createExecutions();
        add(values);
        expect(add(others)).toBe(false);
      }),
    );
  });

  it('is repeated for a minute after the last one', () => {
    const { add } = createExecutions();
    add([1], 1000);
    expect(add([1], 60_000)).toBe(true);
    expect(add([1], 119_000)).toBe(true);
    expect(add([1], 181_000)).toBe(false);
  });

  it.each([
    ['a buffer', [Buffer.from('a')]],
    ['an object', [{ id: 1 }]],
    ['a long text', ['a'.repeat(300)]],
    ['many values', Array.from({ length: 40 }, (_, i) => i)],
    ['many values in an array', [Array.from({ length: 40 }, (_, i) => i)]],
    ['a symbol', Symbol('unknown')],
    ['a function', [() => {}]],
  ])('with %s is never repeated', (_title, values) => {
    const { add } = createExecutions();
    add(values);
    expect(add(values)).toBe(false);
  });
});

it('separates statements with the same arguments', () => {
  const executions = new RepeatedExecutions();
  executions.add(executions.hashText('SELECT a FROM rooms WHERE id = 1'), undefined, 0);
  const other = executions.hashText('SELECT a FROM rooms WHERE id = 2');
  expect(executions.add(other, undefined, 0)).toBe(false);
  expect(executions.add(other, undefined, 0)).toBe(true);
});

it('finds no false repetition in a million executions, and many of the true ones', () => {
  const { add } = createExecutions();
  let repeated = 0;
  for (let i = 0; i < 1_000_000; i++) if (add([i])) repeated += 1;
  expect(repeated).toBe(0);
  for (let i = 999_000; i < 1_000_000; i++) if (add([i])) repeated += 1;
  expect(repeated).toBeGreaterThan(900);
});

it('has other keys in each instance, so hashes of different processes differ', () => {
  const hashes = Array.from({ length: 20 }, () => new RepeatedExecutions().hashText(STATEMENT));
  expect(new Set(hashes.map(({ low, high }) => `${low} ${high}`)).size).toBe(20);
});
