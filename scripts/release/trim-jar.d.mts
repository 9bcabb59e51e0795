export function trimJar(jar: Uint8Array, platform: string): Promise<Uint8Array>;
