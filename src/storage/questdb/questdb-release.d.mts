export const QUESTDB_VERSION: string;
export const JAR_SHA256: string;
export const PLATFORM_JAR_SHA256: Readonly<Record<string, string>>;
export function hashFile(file: string): string;
export function getPackageName(platform: string): string;
export function getPackageFile(platform: string): string;
