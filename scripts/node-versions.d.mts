export function nodeBinary(major: number): string;
export function npmScript(major: number): string;
export function bunBinary(major: number): string;
