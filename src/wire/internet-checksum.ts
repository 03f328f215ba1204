/** The checksum of IPv4, UDP and TCP (RFC 1071). */

/** Of `bytes` and of what was summed before; 0 over bytes that hold their own. */
export function checksum(bytes: Uint8Array, before = 0): number {
  let sum = before + sumWords(bytes);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** Not yet folded: to be handed on as what was summed before, as the pseudo header is. */
export function sumWords(bytes: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) {
    sum += ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
  }
  return sum;
}
