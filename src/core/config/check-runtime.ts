import { writeSync } from 'node:fs';
import { findUnsupportedRuntime, formatUnsupportedRuntime } from '../supported-runtime.ts';
import { isMainProcess } from './main-process.ts';

// This module runs on every version of Node.js, and on other runtimes. So it imports only modules
// that use no recent functions of Node.js.

const REPORTED_KEY = Symbol.for('perfscope.unsupported-runtime');

/** Returns whether this runtime is supported. If it isn't, writes one line to stderr. Never throws. */
export function checkRuntime(): boolean {
  const runtime = findUnsupportedRuntime();
  if (runtime === undefined) return true;
  writeOnce(formatUnsupportedRuntime({ runtime }));
  return false;
}

/**
 * Reports that the agent can't be loaded. Never throws.
 *
 * @param error thrown value
 */
export function reportLoadFailure(error: unknown): void {
  writeOnce(`The agent can't be loaded, so this process is not measured: ${String(error)}`);
}

/** Writes a line, once per process, because several modules of the package check the runtime. */
function writeOnce(message: string): void {
  try {
    if (Object.getOwnPropertyDescriptor(globalThis, REPORTED_KEY)) return;
    Object.defineProperty(globalThis, REPORTED_KEY, { value: true });
    if (isMainProcess()) writeSync(2, `perfscope: ${message}\n`);
  } catch {
    // The line is lost. That must not stop the application.
  }
}
