import { NameLimit } from '../../requests/operation-name.ts';
import type { NamedOperation } from '../operation-recorder.ts';

/** Nodes of a parsed document, which is valid. */
interface NameNode {
  readonly value: string;
}
interface SelectionNode {
  readonly kind: string;
  readonly name?: NameNode;
  readonly alias?: NameNode | undefined;
  readonly selectionSet?: SelectionSet | undefined;
}
interface SelectionSet {
  readonly selections: readonly SelectionNode[];
}
interface DefinitionNode extends SelectionNode {
  readonly operation?: string;
}
export interface DocumentNode {
  readonly definitions: readonly DefinitionNode[];
}

/** An operation of a document. */
export interface GraphqlOperation extends NamedOperation {
  /** Name of the request, such as `query Rooms`. */
  readonly label: string;
}

/** The operation of a request whose document was rejected. */
export const REJECTED: GraphqlOperation = { type: undefined, name: undefined, label: '(invalid)' };

/** Clients choose the names of operations. */
const operationNames = new NameLimit(500);

/** All kept operations by type and name, so that equal operations share their series. */
const operations = new Map<string, GraphqlOperation>();

/**
 * Returns the operation that a valid document runs, or undefined if the document has no such operation.
 *
 * @param operationName needed if the document has several operations
 */
export function findOperation(
  document: DocumentNode,
  operationName: string | null | undefined,
): GraphqlOperation | undefined {
  const node = findOperationNode(document, operationName);
  return node && toOperation(node);
}

function findOperationNode(
  document: DocumentNode,
  operationName: string | null | undefined,
): DefinitionNode | undefined {
  return document.definitions.find(
    ({ kind, name }) =>
      kind === 'OperationDefinition' && (!operationName || name?.value === operationName),
  );
}

function toOperation({ operation: type = 'query', name }: DefinitionNode): GraphqlOperation {
  const limited = name && operationNames.limit(name.value);
  const label = limited === undefined ? type : `${type} ${limited}`;
  let operation = operations.get(label);
  if (operation === undefined) {
    operation = { type, name: limited, label };
    operations.set(label, operation);
  }
  return operation;
}

/** Position of a value in a response: names and indexes of lists. */
export type ResponsePath = readonly (string | number)[];

/**
 * Returns the path of a field, such as `rooms.price`. Clients choose the names in a response, so the
 * path contains the names of the schema. Indexes of lists are removed.
 */
export function toFieldPath(
  document: DocumentNode,
  operationName: string | null | undefined,
  path: ResponsePath,
): string {
  let parents: readonly SelectionNode[] = [findOperationNode(document, operationName) ?? NO_NODE];
  const names: string[] = [];
  for (const key of path) {
    if (typeof key === 'number') continue;
    parents = parents.flatMap(({ selectionSet }) =>
      selectionSet ? findFields(document, selectionSet, key, 0) : [],
    );
    names.push(parents[0]?.name?.value ?? '?');
  }
  return names.join('.');
}

const NO_NODE: SelectionNode = { kind: '' };
/** A valid document has no cycles of fragments. */
const MAX_FRAGMENT_DEPTH = 20;

function findFields(
  document: DocumentNode,
  { selections }: SelectionSet,
  key: string,
  depth: number,
): SelectionNode[] {
  return selections.flatMap((node) => {
    if (node.kind === 'Field') return (node.alias ?? node.name)?.value === key ? [node] : [];
    if (depth >= MAX_FRAGMENT_DEPTH) return [];
    const fragment =
      node.kind === 'FragmentSpread'
        ? document.definitions.find(
            ({ kind, name }) => kind === 'FragmentDefinition' && name?.value === node.name?.value,
          )
        : node;
    return fragment?.selectionSet
      ? findFields(document, fragment.selectionSet, key, depth + 1)
      : [];
  });
}
