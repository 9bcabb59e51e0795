import { NextResponse } from 'next/server';

/** `proxy.js` in Next.js 16. */
export default function middleware(request) {
  const { pathname } = request.nextUrl;
  if (pathname === '/guarded') return new NextResponse('no', { status: 401 });
  if (pathname === '/login') return NextResponse.redirect(new URL('/guests', request.url));
  if (pathname.startsWith('/alias/'))
    return NextResponse.rewrite(new URL(`/rooms/${pathname.slice(7)}`, request.url));
  if (pathname === '/crash') throw new Error('middleware failed');
  return NextResponse.next();
}

export const config = {
  matcher: ['/guarded', '/login', '/alias/:path*', '/crash', '/rooms/:path*'],
};
