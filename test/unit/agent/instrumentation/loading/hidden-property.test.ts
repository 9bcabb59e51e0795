import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ExistingObject } from '../../../../../src/agent/instrumentation/loading/hidden-property.ts';
import { createHostileProxy } from '../../../../support/hostile-values.ts';

class NumberField extends ExistingObject {
  #value: number;

  private constructor(target: object, value: number) {
    super(target);
    this.#value = value;
  }

  static get(target: object): number | undefined {
    return #value in target ? target.#value : undefined;
  }

  static set(target: object, value: number): void {
    if (#value in target) target.#value = value;
    else new NumberField(target, value);
  }
}

describe('a private field of an existing object', () => {
  it.each<[string, () => object]>([
    ['a plain object', () => ({ visible: true })],
    ['an object without a prototype', () => Object.assign(Object.create(null), { a: 1 })],
    ['a frozen object', () => Object.freeze({ visible: true })],
    ['a Proxy whose traps throw', createHostileProxy],
    ['a function', () => () => {}],
  ])('is set, changed, and read: %s', (_, create) => {
    const target = create();
    expect(NumberField.get(target)).toBeUndefined();
    NumberField.set(target, 1);
    NumberField.set(target, 2);
    expect(NumberField.get(target)).toBe(2);
  });

  it('is not visible to the application', () => {
    const target = { visible: true };
    NumberField.set(target, 1);
    expect(Reflect.ownKeys(target)).toEqual(['visible']);
    expect(inspect(target, { showHidden: true })).toBe('{ visible: true }');
    expect(NumberField.get({ ...target })).toBeUndefined();
    expect(structuredClone(target)).toEqual({ visible: true });
    expect(Object.getPrototypeOf(target)).toBe(Object.prototype);
    expect(target).not.toBeInstanceOf(NumberField);
  });
});
