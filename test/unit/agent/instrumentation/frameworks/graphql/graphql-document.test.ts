import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type DocumentNode,
  findOperation,
  toFieldPath,
} from '../../../../../../src/agent/instrumentation/frameworks/graphql/graphql-document.ts';

/** Creates a node of a field, a fragment, or an operation. */
const node = (kind: string, name: string | undefined, selections: object[] = [], more = {}) => ({
  kind,
  ...(name !== undefined && { name: { value: name } }),
  selectionSet: { selections },
  ...more,
});
const field = (name: string, selections: object[] = [], alias?: string) =>
  node('Field', name, selections, alias === undefined ? {} : { alias: { value: alias } });
const toDocument = (...definitions: object[]) => ({ definitions }) as unknown as DocumentNode;
const operation = (name: string | undefined, selections: object[] = [], type = 'query') =>
  node('OperationDefinition', name, selections, { operation: type });

it('finds the operation by its name', () => {
  const document = toDocument(
    node('FragmentDefinition', 'Second'),
    operation('First'),
    operation('Second', [], 'mutation'),
  );
  expect(findOperation(document, 'Second')?.label).toBe('mutation Second');
  expect(findOperation(document, null)?.label).toBe('query First');
  expect(findOperation(document, 'Third')).toBeUndefined();
  expect(findOperation(toDocument(operation(undefined)), undefined)).toMatchObject({
    label: 'query',
    type: 'query',
    name: undefined,
  });
});

it('returns the same object for equal operations', () => {
  const find = () => findOperation(toDocument(operation('Same')), undefined);
  expect(find()).toBe(find());
});

it('replaces long names', () => {
  const document = toDocument(operation('x'.repeat(101)));
  expect(findOperation(document, undefined)?.label).toBe('query (other)');
});

it('names fields as in the schema', () => {
  const fragment = node('FragmentDefinition', 'Parts', [field('price', [], 'secret4711')]);
  const inline = node('InlineFragment', undefined, [field('rating')]);
  const spread = node('FragmentSpread', 'Parts');
  const document = toDocument(operation('A', [field('rooms', [inline, spread], 'mine')]), fragment);
  expect(toFieldPath(document, 'A', ['mine', 3, 'secret4711'])).toBe('rooms.price');
  expect(toFieldPath(document, 'A', ['mine', 0, 'rating'])).toBe('rooms.rating');
  expect(toFieldPath(document, 'A', ['unknown', 'rating'])).toBe('?.?');
  expect(toFieldPath(document, 'A', [])).toBe('');
});

it('ends for fragments that contain themselves', () => {
  const spread = node('FragmentSpread', 'Loop');
  const document = toDocument(
    operation('A', [spread]),
    node('FragmentDefinition', 'Loop', [spread]),
  );
  expect(toFieldPath(document, 'A', ['rooms'])).toBe('?');
});

it('never returns a name that the document does not contain', () => {
  const document = toDocument(operation('A', [field('rooms', [field('price')])]));
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.nat())), (path) => {
      const names = toFieldPath(document, 'A', path).split('.');
      expect(['rooms', 'price', '?', '']).toEqual(expect.arrayContaining(names));
    }),
  );
});
