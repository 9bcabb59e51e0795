import { runGuarded } from '../../../core/guard.ts';
import { checkName, createArgumentError } from '../../argument-checks.ts';
import type { TrackableFunction } from '../../record/performance-tracking.ts';
import { type AnyFunction, wrapFunction } from './trace-function.ts';

/** What fails, for {@link runGuarded}. */
const PART = 'the decorator of traced methods';

/** The decorated kinds of the context of a standard decorator (https://github.com/tc39/proposal-decorators). */
interface DecoratorContext {
  readonly kind: string;
  readonly name: string | symbol;
  readonly static: boolean;
  readonly private: boolean;
}

/**
 * A decorator of methods, getters, setters, and fields that contain a function. It works as a standard decorator, and
 * with the option `experimentalDecorators` of TypeScript.
 */
export interface TracedDecorator {
  /**
   * Decorates a method, a getter, or a setter as a standard decorator.
   *
   * @typeParam F type of the method
   * @param method the method
   * @param context what the runtime passes
   * @returns the method that records its calls
   *
   * @example
   * ```ts
   * import { traced } from '@perfscope/agent';
   *
   * class Prices {
   *   @traced()
   *   find(room: number) {
   *     return room * 10;
   *   }
   * }
   * console.log(new Prices());
   * ```
   */
  <F extends TrackableFunction>(
    method: F,
    context:
      | ClassMethodDecoratorContext
      | ClassGetterDecoratorContext
      | ClassSetterDecoratorContext,
  ): F;
  /**
   * Decorates a field as a standard decorator.
   *
   * @param value always undefined
   * @param context what the runtime passes
   * @returns a function that replaces the initial value
   *
   * @example
   * ```ts
   * import { traced } from '@perfscope/agent';
   *
   * class Prices {
   *   @traced()
   *   find = (room: number) => room * 10;
   * }
   * console.log(new Prices());
   * ```
   */
  (value: undefined, context: ClassFieldDecoratorContext): <V>(initial: V) => V;
  /**
   * Decorates a method with `experimentalDecorators`.
   *
   * @param target prototype of the class, or the class of a static method
   * @param key name of the method
   * @param descriptor descriptor of the method
   *
   * @example
   * ```ts
   * import { traced } from '@perfscope/agent';
   *
   * class Prices {
   *   @traced()
   *   static find(room: number) {
   *     return room * 10;
   *   }
   * }
   * console.log(new Prices());
   * ```
   */
  (target: object, key: string | symbol, descriptor: PropertyDescriptor): void;
}

/** See `traced` in `src/index.ts`. */
export function createTracedDecorator(name: string | undefined): TracedDecorator {
  if (name !== undefined) checkName('traced', 'name', name);
  const decorate = (value: unknown, context: unknown, descriptor: unknown): unknown =>
    isStandardContext(context)
      ? decorateStandard(value, context, name)
      : decorateLegacy(value as object, context as string | symbol, descriptor, name);
  return decorate as TracedDecorator;
}

function isStandardContext(context: unknown): context is DecoratorContext {
  return typeof context === 'object' && context !== null && 'kind' in context;
}

function decorateStandard(
  value: unknown,
  context: DecoratorContext,
  name: string | undefined,
): unknown {
  switch (context.kind) {
    case 'method':
    case 'getter':
    case 'setter': {
      const wrapped: AnyFunction = wrapMember(
        value as AnyFunction,
        (thisArg) => name ?? formatName(findClass(thisArg, context, wrapped), context.name),
      );
      return wrapped;
    }
    case 'field':
      return function (this: unknown, initial: unknown) {
        if (typeof initial !== 'function') return initial;
        const owner = context.static ? this : (this as object | undefined)?.constructor;
        return wrapMember(initial as AnyFunction, () => name ?? formatName(owner, context.name));
      };
    default:
      throw createArgumentError('traced', 'target', `is a ${context.kind}, not a method`);
  }
}

function decorateLegacy(
  target: object,
  key: string | symbol,
  descriptor: unknown,
  name: string | undefined,
): void {
  if (typeof descriptor !== 'object' || descriptor === null) {
    throw createArgumentError('traced', 'target', 'is not a method');
  }
  const owner = typeof target === 'function' ? target : target.constructor;
  const members = descriptor as Record<string, unknown>;
  for (const each of ['value', 'get', 'set']) {
    const member = members[each];
    if (typeof member !== 'function') continue;
    members[each] = wrapMember(member as AnyFunction, () => name ?? formatName(owner, key));
  }
}

function wrapMember(member: AnyFunction, getName: (thisArg: unknown) => string): AnyFunction {
  const wrapped = wrapFunction(member, getName);
  if (wrapped !== member) runGuarded(PART, () => copyMetadata(member, wrapped));
  return wrapped;
}

/** The functions of `reflect-metadata`. Frameworks such as Nest store routes and guards with them. */
interface MetadataFunctions {
  getOwnMetadataKeys?(target: object): unknown[];
  getOwnMetadata?(key: unknown, target: object): unknown;
  defineMetadata?(key: unknown, value: unknown, target: object): void;
}

/** Copies the metadata of decorators that were applied before. They are stored outside of the function. */
function copyMetadata(from: object, to: object): void {
  const metadata = Reflect as MetadataFunctions;
  for (const key of metadata.getOwnMetadataKeys?.(from) ?? []) {
    metadata.defineMetadata?.(key, metadata.getOwnMetadata?.(key, from), to);
  }
}

/**
 * Returns the class that declares a method. A standard decorator doesn't receive it, so it is found at the first call.
 * A private method isn't a property of its class, so it belongs to the class of the object.
 */
function findClass(thisArg: unknown, context: DecoratorContext, method: AnyFunction): unknown {
  if (context.static && context.private) return thisArg;
  let owner = thisArg as object | null | undefined;
  if (!context.private) {
    while (owner !== null && owner !== undefined && !hasMember(owner, context.name, method)) {
      owner = Object.getPrototypeOf(owner) as object | null;
    }
  }
  owner ??= thisArg as object | null | undefined;
  return typeof owner === 'function' ? owner : owner?.constructor;
}

function hasMember(owner: object, name: string | symbol, method: AnyFunction): boolean {
  const property = Object.getOwnPropertyDescriptor(owner, name);
  return property?.value === method || property?.get === method || property?.set === method;
}

/** Returns `Class.method`. */
function formatName(owner: unknown, member: string | symbol): string {
  const className = (owner as { name?: unknown } | null | undefined)?.name;
  const method = typeof member === 'symbol' ? `[${member.description ?? ''}]` : member;
  return typeof className === 'string' && className !== '' ? `${className}.${method}` : method;
}
