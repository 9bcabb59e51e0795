// Plugin of typedoc that shows types as they are declared. Without it, typedoc replaces some aliases by their values.
// For example, it replaces `ErrorCode` by a list of all codes, and `ApiResponse<'alert'>` by the name of an internal type.
import {
  Converter,
  IntrinsicType,
  makeRecursiveVisitor,
  ReflectionKind,
  ReflectionType,
} from 'typedoc';
import ts from 'typescript';

/**
 * Called by typedoc.
 *
 * @param {import('typedoc').Application} app
 */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_SIGNATURE, (context, signature, declaration) => {
    const scope = context.withScope(signature);
    if (declaration?.type) useDeclaredType(scope, signature, declaration.type);
    for (const parameter of signature.parameters ?? []) {
      const node = declaration?.parameters.find(({ name }) => name.getText() === parameter.name);
      if (node?.type) useDeclaredType(scope, parameter, node.type);
    }
  });
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    const node = context.getSymbolFromReflection(reflection)?.valueDeclaration;
    const isProperty = node && (ts.isPropertySignature(node) || ts.isPropertyDeclaration(node));
    if (isProperty && node.type)
      useDeclaredType(context.withScope(reflection), reflection, node.type);
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    // The reference shows the properties that an interface inherits from internal types, but not these types.
    for (const each of context.project.getReflectionsByKind(ReflectionKind.Interface)) {
      const shown = each.extendedTypes?.filter(({ reflection }) => reflection !== undefined) ?? [];
      each.extendedTypes = shown.length > 0 ? shown : undefined;
    }
  });
  app.converter.on(Converter.EVENT_RESOLVE_END, (context) => {
    for (const alias of context.project.getReflectionsByKind(ReflectionKind.TypeAlias)) {
      alias.type = isInternal(alias.type) ? new IntrinsicType('…') : resolveMember(alias.type);
      alias.type?.visit(SORT_LITERALS);
    }
  });
}

/** Replaces the type of a reflection if its declaration refers to another type, or to this type and `undefined`. */
function useDeclaredType(context, reflection, node) {
  const types = ts.isUnionTypeNode(node) ? node.types : [node];
  const others = types.filter(({ kind }) => kind !== ts.SyntaxKind.UndefinedKeyword);
  if (others.length !== 1 || !ts.isTypeReferenceNode(others[0])) return;
  // Optional properties and parameters are shown without `undefined`.
  const shown = reflection.flags.isOptional ? others[0] : node;
  reflection.type = context.converter.convertType(context, shown);
}

/** Returns the type of the method in `{ method(): void }['method']`. Returns other types unchanged. */
function resolveMember(type) {
  const { declaration } = type?.objectType ?? {};
  const member = declaration?.children?.find(({ name }) => name === type.indexType.value);
  return member ? new ReflectionType(member) : type;
}

/** Sorts literals, because their order can change with code that isn't related to them. */
const SORT_LITERALS = makeRecursiveVisitor({
  union: ({ types }) => {
    if (types.every(({ type }) => type === 'literal'))
      types.sort((a, b) => String(a).localeCompare(String(b), 'en'));
  },
});

/** Whether a type refers to a type that the package doesn't export. */
function isInternal(type) {
  let isFound = false;
  const visitor = makeRecursiveVisitor({
    reference: (reference) => {
      isFound ||=
        !reference.reflection && !reference.isIntentionallyBroken() && !isExternal(reference);
    },
  });
  type?.visit(visitor);
  return isFound;
}

function isExternal({ symbolId }) {
  return (
    symbolId === undefined ||
    symbolId.packagePath.includes('node_modules') ||
    symbolId.packageName !== 'perfscope'
  );
}
