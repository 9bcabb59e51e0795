/** Creates an object for which every operation throws, such as reading a property. */
export function createHostileProxy(): object {
  const trap = () => {
    throw new Error('a trap throws');
  };
  const traps = Object.fromEntries(
    Object.getOwnPropertyNames(Reflect).map((name) => [name, trap]),
  ) as ProxyHandler<() => void>;
  return new Proxy(() => {}, traps);
}

/** Creates an object whose listed properties have getters that throw. */
export function createThrowingGetters(names: readonly string[]): object {
  const get = () => {
    throw new Error('a getter throws');
  };
  return Object.defineProperties({}, Object.fromEntries(names.map((name) => [name, { get }])));
}

/** Returns values of every type that a caller could pass by mistake, with their names. */
export function createOddValues(): [name: string, value: unknown][] {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  return [
    ['null', null],
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-1', -1],
    ['0', 0],
    ['30 days in ms', 30 * 86_400_000],
    ['true', true],
    ["''", ''],
    ["'30'", '30'],
    ['a long string', 'x'.repeat(100_000)],
    ['a symbol', Symbol('odd')],
    ['a BigInt', 1n],
    ['an empty object', {}],
    ['an object without a prototype', Object.create(null)],
    ['a circular object', circular],
    ['an array', []],
    ['a sparse array', new Array(3)],
    ['an invalid Date', new Date(Number.NaN)],
    [
      'an object whose conversion throws',
      {
        [Symbol.toPrimitive]: () => {
          throw new Error('the conversion throws');
        },
      },
    ],
    [
      'a function that throws',
      () => {
        throw new Error('the function throws');
      },
    ],
    ['a Proxy whose traps throw', createHostileProxy()],
  ];
}
