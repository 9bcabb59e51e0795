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
