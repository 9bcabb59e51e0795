export function codeBlocks(text: string): { start: number; raw: string }[];
