/** Settings of the test application. Works with Next.js 14, 15, and 16. */
export default {
  output: 'standalone',
  ...(process.env.TRACING_ROOT && { outputFileTracingRoot: process.env.TRACING_ROOT }),
  redirects: async () => [{ source: '/moved/:id', destination: '/rooms/:id', permanent: false }],
  rewrites: async () => [
    { source: '/suites/:id', destination: '/rooms/:id' },
    { source: '/partner/:path*', destination: 'http://127.0.0.1:1/:path*' },
  ],
};
