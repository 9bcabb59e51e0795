/** See `pg-native.mjs`. */
export function installPgNative(): string;
