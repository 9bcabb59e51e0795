/** `ann.lee@hotel.example` → `an***@hotel.example`. */
export function maskedAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, Math.min(2, at))}***${address.slice(at)}`;
}

/** `+4366412345678` → `+43***78`. */
export function maskedNumber(number: string): string {
  return `${number.slice(0, 3)}***${number.slice(-2)}`;
}
