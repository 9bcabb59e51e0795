export const NODE_22_TESTS: readonly string[];
export const NODE_22_EXCLUDED: readonly string[];
export const OLDER_NODE_TESTS: readonly string[];
export const QUICK_BENCHES: readonly string[];
export const LONGEST_FILES: readonly string[];
export function compareDurations(a: string, b: string): number;
