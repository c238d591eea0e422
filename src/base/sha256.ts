// SHA-256 of bytes: tells whether data are still those that a run began with.

/** The SHA-256 digest of `bytes` in 64 hexadecimal digits. */
export async function sha256(bytes: Uint8Array | Float32Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as BufferSource);
  return new Uint8Array(digest).toHex();
}
