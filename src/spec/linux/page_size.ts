/**
 * Bytes of a kernel's page, where its release says them: distributions build arm64 and powerpc kernels with larger ones
 * under names such as `7.2.13-arm64-16k` and `6.12.0-55.el10.aarch64+64k`. null where it does not, as most do not.
 */
export function pageBytesOf(release: string | null): number | null {
  const size = /[-+.](4|16|64)k(?:[-+.]|$)/.exec(release ?? "")?.[1];
  return size === undefined ? null : Number(size) * 1024;
}
