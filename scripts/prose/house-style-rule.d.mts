export function findFaults(text: string): { index: number; length: number; message: string }[];
