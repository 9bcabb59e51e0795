export function createJavaRuntime(options: {
  platform: string;
  jdk: string | undefined;
  output: string;
}): string;
