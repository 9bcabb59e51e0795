/** Whatever goes wrong in `fn` is not the application's to see. */
export function guard<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      fn(...args);
    } catch {
      // A measurement is lost; the application's work is not.
    }
  };
}
