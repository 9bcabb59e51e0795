/** Settings of the test application. Works with Next.js 14, 15, and 16. */
const { TRACING_ROOT } = process.env;
const external = ['pg', 'ioredis'];

export default {
  output: 'standalone',
  ...(TRACING_ROOT
    ? { outputFileTracingRoot: TRACING_ROOT, serverExternalPackages: external }
    : { experimental: { serverComponentsExternalPackages: external } }),
  redirects: async () => [{ source: '/moved/:id', destination: '/rooms/:id', permanent: false }],
  rewrites: async () => [
    { source: '/suites/:id', destination: '/rooms/:id' },
    { source: '/partner/:path*', destination: 'http://127.0.0.1:1/:path*' },
  ],
};
