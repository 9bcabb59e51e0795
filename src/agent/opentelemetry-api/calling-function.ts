import { getCallSites } from 'node:util';

/** Limits the cost of an inspection, which takes 2 to 8 µs, to 8 ms per second. */
const MAX_INSPECTIONS_PER_SECOND = 1000;

/** The function that reads a property. */
export interface CallingFunction {
  /** Empty if the function has no name. */
  readonly name: string;
  /** Path or URL of the file. */
  readonly file: string;
}

/** Returns the name and the file of functions that call an accessor, a limited number of times. */
export class CallerInspector {
  #inspectionsLeft = MAX_INSPECTIONS_PER_SECOND;
  #periodStartMs = performance.now();

  /**
   * Must be called directly by the accessor.
   *
   * @returns the function that called the accessor, or undefined if the runtime can't inspect calls
   * or too many calls were inspected in the last second
   */
  inspectCaller(): CallingFunction | undefined {
    if (!this.#takeInspection()) return undefined;
    // Frames of this function, the accessor, and its caller. Unlike `Error.captureStackTrace`, this
    // function doesn't depend on the application's changes to `Error`.
    try {
      const [, , caller] = getCallSites(3, { sourceMap: false });
      return caller && { name: caller.functionName, file: caller.scriptName };
    } catch {
      // The runtime doesn't have this function.
      return undefined;
    }
  }

  #takeInspection(): boolean {
    if (this.#inspectionsLeft === 0) {
      const nowMs = performance.now();
      if (nowMs - this.#periodStartMs < 1000) return false;
      this.#periodStartMs = nowMs;
      this.#inspectionsLeft = MAX_INSPECTIONS_PER_SECOND;
    }
    this.#inspectionsLeft -= 1;
    return true;
  }
}
